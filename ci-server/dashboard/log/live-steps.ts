// The steps of a build that still runs, as its log tells of them: the server records them when the image is made.

import type { BuildView, LineView, StepView } from "../views.ts";
import { shownText, stepEnd } from "./folds.ts";
import { plainText } from "./sgr.ts";

export type Steps = BuildView["steps"];

/** The steps with what the lines say of them in addition; the same ones where they say nothing. */
export function withLines(steps: Steps, lines: readonly LineView[]): Steps {
  let known = steps;
  for (const line of lines) {
    const { service, step } = line;
    if (service === null || step === null) continue;
    const ofService = known[service] ?? [];
    const before = ofService.find(({ number }) => number === step);
    const now = told(before, line, step);
    if (now === before) continue;
    const others = ofService.filter(({ number }) => number !== step);
    known = { ...known, [service]: [...others, now].sort((one, other) => one.number - other.number) };
  }
  return known;
}

function told(step: StepView | undefined, line: LineView, number: number): StepView {
  const end = stepEnd(line);
  if (step !== undefined && end === null) return step;
  const begun = step ?? {
    ...{ number, digest: "", name: plainText(shownText(line)), cached: false },
    ...{ startedAt: line.at, completedAt: null, error: null },
  };
  if (end === null) return begun;
  return {
    ...begun,
    completedAt: line.at,
    cached: end.kind === "cached",
    error: end.kind === "error" ? shownText(line) : null,
  };
}
