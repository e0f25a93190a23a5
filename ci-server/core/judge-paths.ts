// The rule on the files that a merge changed. A delivery does not name them: it is judged once the commit was fetched.

import { cleanText } from "./clean-text.ts";
import type { RuleVerdict } from "./delivery.ts";
import { fileMatcher } from "./path-pattern.ts";

export const pathsRule = "paths";
/** Judging more would hold up everything else: a merge that large is built. */
const judgedMax = 10_000;
const shownCharsMax = 200;

export interface Changed {
  readonly files: readonly string[];
  readonly total?: number;
  /** Builds of earlier merges that this one stands for; what those changed is not known. */
  readonly replaced?: readonly number[];
}

export interface PathsVerdict {
  readonly rule: RuleVerdict;
  /** Why it is not built; null when a file matches. */
  readonly refusal: string | null;
}

/** What the trace says until the files are known; nothing where the repository builds whatever was changed. */
export function pathsPending(patterns: readonly string[]): RuleVerdict[] {
  if (patterns.length === 0) return [];
  return [{ rule: pathsRule, passed: true, saw: `judged after the fetch: ${patterns.join(", ")}` }];
}

/** `total` counts those too that are not in `files`. Null where the repository builds whatever was changed. */
export function judgePaths(patterns: readonly string[], changed: Changed): PathsVerdict | null {
  if (patterns.length === 0) return null;
  const { files, total = files.length, replaced = [] } = changed;
  const passed = total > judgedMax || replaced.length > 0 || files.some(fileMatcher(patterns));
  const others = replaced.length === 0 ? "" : `, and what ${describeReplaced(replaced)} changed`;
  const saw = `${describeFiles(files, total)}${others}`;
  const refusal = passed ? null : `no changed file matches the paths ${patterns.join(", ")}; it was ${saw}`;
  return { rule: { rule: pathsRule, passed, saw }, refusal };
}

export function describeReplaced(builds: readonly number[]): string {
  const one = builds.length === 1;
  return `the build${one ? "" : "s"} ${builds.join(", ")} that ${one ? "was" : "were"} superseded`;
}

/** How many there are, and the first few. */
export function describeFiles(files: readonly string[], total: number, shownMax = 10): string {
  if (total === 0) return "no changed file";
  const names = files.slice(0, shownMax).map(toLine).join(", ");
  const rest = total > shownMax ? ` and ${total - shownMax} more` : "";
  return `${total} changed file${total === 1 ? "" : "s"}: ${names}${rest}`;
}

/** A file's name may hold line ends and worse; what stands in logs and reasons is one short line. */
function toLine(file: string): string {
  const text = /[\p{C}"]/u.test(file) ? JSON.stringify(file).replace(/\p{C}/gu, toEscape) : file;
  return text.length > shownCharsMax ? `${cleanText(text.slice(0, shownCharsMax))}…` : text;
}

function toEscape(char: string): string {
  return `\\u{${char.codePointAt(0)?.toString(16)}}`;
}
