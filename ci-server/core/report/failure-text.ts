// A failure in Markdown, for check runs and comments: where, what the step printed last, what to do next.

import type { Build } from "../build.ts";
import { code, codeBlock } from "../markdown.ts";
import { failurePlace } from "./outcome.ts";

const linesCharsMax = 20_000;

/** In paragraphs. */
export function failureText({ failure }: Pick<Build, "failure">): string[] {
  if (failure === null) return [];
  const { service, step, message, hint } = failure;
  const of = service === null ? "" : `${code(service)}: `;
  const said = step?.exitCode == null ? [] : [code(message, 1_000)];
  return [
    `${of}${code(failurePlace({ failure }), 1_000)}`,
    ...(step === null ? [] : [`Step: ${code(step.name, 1_000)}`]),
    ...said,
    ...(hint === null ? [] : [`Next: ${code(hint, 1_000)}`]),
  ];
}

/** Null where nothing was printed. */
export function lastLinesText({ failure }: Pick<Build, "failure">): string | null {
  const { lastLines = [] } = failure ?? {};
  return lastLines.length === 0 ? null : codeBlock(lastLines, linesCharsMax);
}
