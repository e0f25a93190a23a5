// Whether a forge's API answers at all: after several questions without an answer it is asked now and then, by one at a time, and
// looked at by ourselves, so that it is known to be back though nobody asks.

import { AppError } from "../core/errors.ts";
import { type GateParts, type GateQuestion, heldBack } from "./forge-gate-parts.ts";

const pauseMs = 1_000;
const pauseMsMax = 60_000;

export class ForgeCircuit {
  readonly #parts: GateParts;
  readonly #question: GateQuestion;
  readonly #ending = new AbortController();
  #looking: Promise<void> | null = null;
  #failures = 0;
  #isTrying = false;
  #since: Date | null = null;
  /** Of the monotonic clock. */
  #closedUntilMs = Number.NEGATIVE_INFINITY;

  constructor(parts: GateParts, question: GateQuestion) {
    this.#parts = parts;
    this.#question = question;
  }

  /** Whether this question is the one that tries whether the forge is back. Throws where it is not to be asked. */
  enter(): boolean {
    if (this.#since === null) return false;
    const leftMs = this.#closedUntilMs - this.#parts.clock.monotonicMs();
    if (leftMs <= 0 && !this.#isTrying) {
      this.#isTrying = true;
      return true;
    }
    const message = `${this.#question.apiUrl} has not answered since ${this.#since.toISOString()}; it is asked again in a while`;
    throw heldBack("unavailable", message, Math.max(leftMs, pauseMs));
  }

  /** Without having learned anything. */
  left(isTry: boolean): void {
    if (isTry) this.#isTrying = false;
  }

  answered(): void {
    this.#failures = 0;
    this.#isTrying = false;
    if (this.#since === null) return;
    this.#since = null;
    this.#tell("ok", null);
  }

  failed(error: AppError): AppError {
    const { clock, limits } = this.#parts;
    this.#failures += 1;
    this.#isTrying = false;
    const over = this.#failures - limits.failuresMax;
    if (over < 0) return error;
    const { retryAfterMs: said } = error.details;
    const grownMs = Math.min(pauseMs * 2 ** Math.min(over, 10), pauseMsMax);
    const ms = Math.min(Math.max(grownMs, typeof said === "number" ? said : 0), limits.pauseMsMax);
    this.#closedUntilMs = clock.monotonicMs() + ms;
    this.#since ??= clock.now();
    this.#tell("no_answer", error.message);
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return new AppError("unavailable", error.message, {
      cause: error.cause,
      details: { ...error.details, retryAfterMs: ms },
    });
  }

  async close(): Promise<void> {
    this.#ending.abort();
    await this.#looking;
  }

  #tell(state: "ok" | "no_answer", problem: string | null): void {
    const { forge, apiUrl } = this.#question;
    const now = this.#parts.clock.now();
    const until = null;
    this.#parts.observer.changed({
      ...{ forge, apiUrl, credential: "", state, until, problem },
      ...{ since: this.#since ?? now, seenAt: now },
    });
  }

  async #look(): Promise<void> {
    const { clock } = this.#parts;
    const { signal } = this.#ending;
    while (this.#since !== null && !signal.aborted) {
      // Somebody's question may be the one that tries just now.
      const leftMs = Math.max(this.#closedUntilMs - clock.monotonicMs(), this.#isTrying ? pauseMs : 1);
      await clock.sleep(leftMs, signal).catch(() => undefined);
      if (signal.aborted || !this.#mayTry()) continue;
      await this.#question.probe(signal).then(
        () => this.answered(),
        (error: unknown) => this.#failedLook(error, signal),
      );
    }
  }

  #mayTry(): boolean {
    if (this.#since === null || this.#isTrying || this.#closedUntilMs > this.#parts.clock.monotonicMs()) return false;
    this.#isTrying = true;
    return true;
  }

  #failedLook(error: unknown, signal: AbortSignal): void {
    if (signal.aborted) this.left(true);
    else if (error instanceof AppError && error.code === "unavailable") this.failed(error);
    else this.answered();
  }
}
