// Markdown around what strangers wrote: nothing of theirs calls anybody, links anywhere or is HTML, since all of it is code.

import { takeColours } from "./ansi.ts";

/** Without control characters, colours and line ends. */
export function oneLine(text: string, charsMax: number): string {
  const line = takeColours(text)
    .plain.replace(/[\p{C}\s]+/gu, " ")
    .trim();
  return line.length <= charsMax ? line : `${line.slice(0, charsMax - 1).toWellFormed()}…`;
}

/** In the middle of a line, and in a table. The fence is longer than any in the text, which therefore cannot end it. */
export function code(text: string, charsMax = 300): string {
  // No way of writing a bar is one to all readers of tables.
  const line = oneLine(text, charsMax).replaceAll("|", "¦");
  if (line === "") return "";
  const fence = "`".repeat(longestRun(line) + 1);
  const space = /^`|`$/.test(line) ? " " : "";
  return `${fence}${space}${line}${space}${fence}`;
}

export function codeBlock(lines: readonly string[], charsMax: number): string {
  const shown = lines.map((line) => takeColours(line).plain.replace(/[^\P{C}\t]+/gu, " "));
  const text = shown.join("\n").slice(0, charsMax).toWellFormed();
  const fence = "`".repeat(Math.max(3, longestRun(text) + 1));
  return `${fence}text\n${text}\n${fence}`;
}

/** `](` and the like are no part of the addresses that we make. */
export function link(text: string, url: string | null): string {
  return url === null ? text : `[${text}](<${url.replace(/[<>\s]/g, encodeURIComponent)}>)`;
}

function longestRun(text: string): number {
  return Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
}
