// The steps of an image's build, as its engine tells them while it works.

/** More than these of one image are shown in its log alone. */
export const buildStepsMax = 500;
/** Of a step's name, and of its error, as they are kept. */
const charsMax = 1_000;
/** As they are read: a secret that the cut goes through has to be found before it. */
export const buildStepCharsMax = charsMax + 4_096;

export interface BuildStep {
  /** Counts from 1 in the order of their beginning; the log's lines bear it. */
  readonly number: number;
  /** What the engine calls it within this build; it has another one in the next. */
  readonly digest: string;
  /** As the engine calls it: `[build 2/5] RUN npm ci`. */
  readonly name: string;
  readonly cached: boolean;
  readonly startedAt: Date;
  /** Null while it runs, and for ever where the build ended before it. */
  readonly completedAt: Date | null;
  readonly error: string | null;
}

/** As it may be shown; `mask` hides what is secret in a text. */
export function shownStep(step: BuildStep, mask: (text: string) => string): BuildStep {
  const shown = (text: string) => mask(text).slice(0, charsMax).toWellFormed();
  return { ...step, name: shown(step.name), error: step.error === null ? null : shown(step.error) };
}

/** What is known of the steps of one image; what is told again replaces what was told before. */
export class BuildSteps {
  readonly #steps = new Map<number, BuildStep>();

  add(step: BuildStep): void {
    if (this.#steps.size < buildStepsMax || this.#steps.has(step.number)) this.#steps.set(step.number, step);
  }

  /** In order. */
  list(): readonly BuildStep[] {
    return [...this.#steps.values()].toSorted((one, other) => one.number - other.number);
  }
}
