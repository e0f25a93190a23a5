// Into which fold a line of a log belongs: each step of an image's build has its own, and so has what a stage says itself.

import type { LineView } from "../views.ts";

export interface FoldName {
  readonly key: string;
  readonly stage: string;
  readonly service: string | null;
  readonly step: number | null;
  /** What stands in its heading until the step's first line has told its name. */
  readonly title: string;
}

/** `before`: the fold of the line before. A stage that speaks again after its steps, or in another attempt, begins a new one. */
export function foldOf({ stage, service, step, seq }: LineView, before: FoldName | null): FoldName {
  if (step !== null) {
    const title = service === null ? `step ${step}` : `${service}: step ${step}`;
    return { key: stepKey(service, step), stage, service, step, title };
  }
  const isSame = before !== null && before.step === null && before.stage === stage && before.service === service;
  if (isSame) return before;
  return { key: `stage ${seq}`, stage, service, step, title: service === null ? stage : `${stage} ${service}` };
}

export function stepKey(service: string | null, step: number): string {
  return `step ${service ?? ""} ${step}`;
}

/** The line without `#4 `, which its fold says already. */
export function shownText({ text, step }: LineView): string {
  const prefix = `#${step} `;
  return step !== null && text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

/** What the engine says of the step itself, and not the step: how it ended. */
export type StepEnd = { readonly kind: "done" | "cached" | "error"; readonly took: string | null };

export function stepEnd(line: LineView): StepEnd | null {
  if (line.step === null || line.stream !== null) return null;
  const [, word, took] = /^#\d+ (DONE|CACHED|ERROR|CANCELED)(?: ([\d.]+)s)?/.exec(line.text) ?? [];
  if (word === "DONE") return { kind: "done", took: took === undefined ? null : `${took} s` };
  if (word === "CACHED") return { kind: "cached", took: null };
  return word === undefined ? null : { kind: "error", took: null };
}
