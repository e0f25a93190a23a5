// The waterfall: each stage and each step as a bar where it lies in time. A step leads to its part of the log.

import { nowMs } from "../browser.ts";
import { duration } from "../format.ts";
import type { BuildView } from "../views.ts";
import { type Bar, waterfallOf, withoutBars } from "../waterfall.ts";

interface WaterfallProps {
  readonly build: BuildView;
  /** What the log tells of steps that are not recorded yet. */
  readonly live: BuildView["steps"];
  readonly goToStep: (service: string, step: number) => void;
}

export function WaterfallList({ build, live, goToStep }: WaterfallProps) {
  const { bars, totalMs, queuedMs } = waterfallOf(
    { ...build, steps: { ...live, ...build.steps } },
    build.result === null ? nowMs.value : 0,
  );
  return (
    <section class="waterfall" aria-label="Stages and steps">
      <h2>Stages and steps</h2>
      {queuedMs !== null && <p class="quiet waterfall-queued">waited {duration(queuedMs)} for its turn</p>}
      <ol>
        {bars.map((bar) => (
          <li key={bar.key} class={`bar-row bar-${bar.kind} is-${bar.state}`}>
            <Row bar={bar} totalMs={totalMs} goToStep={goToStep} />
          </li>
        ))}
      </ol>
      {bars.length === 0 && <p class="quiet">{withoutBars(build)}</p>}
    </section>
  );
}

interface RowProps {
  readonly bar: Bar;
  readonly totalMs: number;
  readonly goToStep: WaterfallProps["goToStep"];
}

const words = { done: "", cached: "cached", running: "running", failed: "failed" } as const;

function Row({ bar, totalMs, goToStep }: RowProps) {
  const { step } = bar;
  const content = (
    <>
      <span class="bar-name" title={bar.name}>
        {bar.name}
      </span>
      <span class="bar-track" aria-hidden="true">
        <span class="bar-fill" style={{ left: percent(bar.fromMs, totalMs), width: percent(bar.ms, totalMs) }} />
      </span>
      <span class="bar-took">
        {words[bar.state] !== "" && <span class="bar-word">{words[bar.state]}</span>}
        {bar.state !== "cached" && duration(bar.ms)}
      </span>
    </>
  );
  if (step === null) return <div class="bar-line">{content}</div>;
  return (
    <button type="button" class="bar-line" data-row onClick={() => goToStep(step.service, step.number)}>
      {content}
    </button>
  );
}

function percent(part: number, whole: number): string {
  return `${((100 * part) / whole).toFixed(2)}%`;
}
