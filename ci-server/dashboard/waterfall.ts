// When each stage of a build, and each step of its images, began and how long it took.

import { stepKey } from "./log/folds.ts";
import type { BuildView, StepView } from "./views.ts";

export interface Bar {
  readonly key: string;
  readonly kind: "stage" | "step";
  readonly name: string;
  /** Since the attempt began. */
  readonly fromMs: number;
  readonly ms: number;
  readonly state: "done" | "cached" | "running" | "failed";
  /** Of a step: where the log has it. */
  readonly step: { readonly service: string; readonly number: number } | null;
}

export interface Waterfall {
  /** How long it waited for its turn. */
  readonly queuedMs: number | null;
  readonly totalMs: number;
  readonly bars: readonly Bar[];
}

export function waterfallOf(build: BuildView, nowMs: number): Waterfall {
  const began = Date.parse(build.history.at(-1)?.startedAt ?? build.startedAt ?? build.createdAt);
  const bars: Bar[] = [];
  let fromMs = 0;
  for (const stage of build.stages) {
    if (stage.name === "queued") continue;
    const ms = stage.ms ?? Math.max(0, nowMs - began - fromMs);
    bars.push({
      key: stage.name,
      kind: "stage",
      name: stage.name,
      fromMs,
      ms,
      state: stateOf(stage.result),
      step: null,
    });
    if (stage.name === "build") bars.push(...stepsOf(build, began, nowMs));
    fromMs += ms;
  }
  const ends = bars.map((bar) => bar.fromMs + bar.ms);
  return {
    queuedMs: build.stages.find(({ name }) => name === "queued")?.ms ?? null,
    totalMs: Math.max(1, ...ends),
    bars,
  };
}

/** What is said where there is no bar. */
export function withoutBars({ result }: Pick<BuildView, "result">): string {
  if (result === null) return "Nothing has begun yet.";
  return result === "cancellation" ? "It was cancelled before it began." : "Nothing was begun.";
}

function stepsOf(build: BuildView, began: number, nowMs: number): Bar[] {
  const hasSeveral = Object.keys(build.steps).length > 1;
  return Object.entries(build.steps).flatMap(([service, steps]) =>
    steps.map((step): Bar => {
      const fromMs = Math.max(0, Date.parse(step.startedAt) - began);
      const endMs = step.completedAt === null ? endOfOpen(build, nowMs) : Date.parse(step.completedAt);
      return {
        key: stepKey(service, step.number),
        kind: "step",
        name: hasSeveral ? `${service} ${step.name}` : step.name,
        ...{ fromMs, ms: Math.max(0, endMs - began - fromMs), state: stateOfStep(step, build) },
        step: { service, number: step.number },
      };
    }),
  );
}

/** A step that the build's end has cut off took until then. */
function endOfOpen({ finishedAt }: BuildView, nowMs: number): number {
  return finishedAt === null ? nowMs : Date.parse(finishedAt);
}

function stateOf(result: BuildView["result"]): Bar["state"] {
  if (result === null) return "running";
  return result === "success" || result === "skip" ? "done" : "failed";
}

function stateOfStep(step: StepView, build: BuildView): Bar["state"] {
  if (step.error !== null) return "failed";
  if (step.cached) return "cached";
  if (step.completedAt !== null) return "done";
  return build.result === null ? "running" : "failed";
}
