// What many viewers read of one growing thing, step by step: those that stand at the same position share the reading and what it
// gives, and what nobody waits for is not read.

/** `next`: where whoever has it stands then; null at the end. */
export interface Step<P, C> {
  readonly content: C;
  readonly next: P | null;
}

export interface StepsOptions<P, C> {
  /** Positions with the same key are the same. */
  readonly keyOf: (position: P) => string;
  /** Reads what comes after the position, and waits for it where there is nothing yet. On abort it ends in whatever way. */
  readonly read: (position: P, signal: AbortSignal) => Promise<Step<P, C>>;
}

/** The last ones are kept for those that come a little later; the oldest make room. */
const keptMax = 8;

type Outcome<P, C> = { readonly step: Step<P, C> } | { readonly error: unknown };

interface Reading<P, C> {
  outcome: Outcome<P, C> | null;
  readonly waiting: Set<(outcome: Outcome<P, C>) => void>;
  readonly stop: AbortController;
}

export class SharedSteps<P, C> {
  readonly #options: StepsOptions<P, C>;
  readonly #readings = new Map<string, Reading<P, C>>();

  constructor(options: StepsOptions<P, C>) {
    this.#options = options;
  }

  /** The step after the position; null after an abort. Throws what the reading throws. */
  async after(position: P, signal: AbortSignal): Promise<Step<P, C> | null> {
    if (signal.aborted) return null;
    const key = this.#options.keyOf(position);
    const reading = this.#readings.get(key) ?? this.#begin(key, position);
    const outcome = reading.outcome ?? (await this.#wait(key, reading, signal));
    if (outcome === null) return null;
    if ("error" in outcome) throw outcome.error;
    return outcome.step;
  }

  #begin(key: string, position: P): Reading<P, C> {
    const reading: Reading<P, C> = { outcome: null, waiting: new Set(), stop: new AbortController() };
    this.#readings.set(key, reading);
    this.#options.read(position, reading.stop.signal).then(
      (step) => this.#end(key, reading, { step }),
      (error: unknown) => this.#end(key, reading, { error }),
    );
    return reading;
  }

  #end(key: string, reading: Reading<P, C>, outcome: Outcome<P, C>): void {
    if (this.#readings.get(key) === reading) {
      this.#readings.delete(key);
      // It is the newest one now: a Map has its keys in the order in which they were put.
      if ("step" in outcome) this.#readings.set(key, reading);
    }
    reading.outcome = outcome;
    for (const done of reading.waiting) done(outcome);
    reading.waiting.clear();
    const kept = [...this.#readings].filter(([, one]) => one.outcome !== null);
    for (const [old] of kept.slice(0, -keptMax)) this.#readings.delete(old);
  }

  /** Whoever goes leaves nothing behind; with the last one the reading ends. */
  #wait(key: string, reading: Reading<P, C>, signal: AbortSignal): Promise<Outcome<P, C> | null> {
    return new Promise((resolve) => {
      const done = (outcome: Outcome<P, C>) => {
        signal.removeEventListener("abort", gone);
        resolve(outcome);
      };
      const gone = () => {
        resolve(null);
        reading.waiting.delete(done);
        if (reading.waiting.size > 0) return;
        reading.stop.abort();
        if (this.#readings.get(key) === reading) this.#readings.delete(key);
      };
      reading.waiting.add(done);
      signal.addEventListener("abort", gone, { once: true });
    });
  }
}
