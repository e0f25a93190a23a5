// What one credential may ask of a forge's API: nothing until a time that the forge has named, and one write after the other.

import { AppError } from "../core/errors.ts";
import { type Allowance, type GateParts, type GateQuestion, heldBack } from "./forge-gate-parts.ts";
import { Turns } from "./turns.ts";

/** GitHub: "wait for at least one minute", and longer each time that it says so again. */
const unsaidMs = 60_000;
/** GitHub: "wait at least one second between each request" that writes. It is told so after it was too many once. */
const writeEveryMs = 1_000;
const spacedMs = 10 * 60_000;

export class ForgeLane {
  readonly #parts: GateParts;
  readonly #question: GateQuestion;
  readonly #turns = new Turns();
  #waiting = 0;
  /** Of the monotonic clock. */
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  #spacedUntilMs = Number.NEGATIVE_INFINITY;
  #writtenMs = Number.NEGATIVE_INFINITY;
  /** How often in a row it was too many without a word on how long. */
  #unsaid = 0;
  #since: Date | null = null;

  constructor(parts: GateParts, question: GateQuestion) {
    this.#parts = parts;
    this.#question = question;
  }

  async take<T>({ isWrite, signal }: GateQuestion, ask: () => Promise<T>): Promise<T> {
    this.#check();
    if (!isWrite) return ask();
    if (this.#waiting >= this.#parts.limits.waitingMax)
      throw heldBack("unavailable", `${this.#name}: too many wait for their turn (limits.forge_waiting_max)`, unsaidMs);
    this.#waiting += 1;
    try {
      return await this.#turns.take("write", signal, async () => {
        await this.#space(signal);
        // It may have been too many meanwhile.
        this.#check();
        return await ask().finally(() => {
          this.#writtenMs = this.#parts.clock.monotonicMs();
        });
      });
    } finally {
      this.#waiting -= 1;
    }
  }

  answered(allowance: Allowance | null): void {
    this.#unsaid = 0;
    if (allowance !== null) this.#parts.observer.allowed(this.#question, allowance.remaining);
    if (allowance?.remaining === 0) this.#pause(allowance.resetMs, "the limit for this hour is used up");
    else this.#free();
  }

  limited(error: AppError): AppError {
    const { clock } = this.#parts;
    const { retryAfterMs: said, isSecondary } = error.details;
    if (isSecondary === true) this.#spacedUntilMs = clock.monotonicMs() + spacedMs;
    const waitMs = this.#pause(typeof said === "number" ? said : this.#unsaidMs(), error.message);
    const details = { ...error.details, retryAfterMs: waitMs };
    return new AppError("rate_limited", error.message, { cause: error.cause, details });
  }

  /** Those that were on their way together were told the same. */
  #unsaidMs(): number {
    const leftMs = this.#pausedUntilMs - this.#parts.clock.monotonicMs();
    if (leftMs > 0) return leftMs;
    this.#unsaid += 1;
    return unsaidMs * 2 ** (this.#unsaid - 1);
  }

  get #name(): string {
    return `${this.#question.apiUrl} (${this.#question.credential.name})`;
  }

  #check(): void {
    const leftMs = this.#pausedUntilMs - this.#parts.clock.monotonicMs();
    if (leftMs <= 0) return;
    const message = `${this.#name} is rate limited; it is asked again in ${Math.ceil(leftMs / 1000)} s`;
    throw heldBack("rate_limited", message, leftMs);
  }

  async #space(signal: AbortSignal): Promise<void> {
    const nowMs = this.#parts.clock.monotonicMs();
    const leftMs = this.#writtenMs + writeEveryMs - nowMs;
    if (nowMs < this.#spacedUntilMs && leftMs > 0) await this.#parts.clock.sleep(leftMs, signal);
  }

  #pause(askedMs: number, problem: string): number {
    const { clock, limits, observer } = this.#parts;
    const ms = Math.min(Math.max(askedMs, 1), limits.pauseMsMax);
    const now = clock.now();
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, clock.monotonicMs() + ms);
    this.#since ??= now;
    const { forge, apiUrl, credential } = this.#question;
    const until = new Date(now.getTime() + ms);
    const seen = { since: this.#since, seenAt: now, until, problem };
    observer.changed({ forge, apiUrl, credential: credential.name, state: "rate_limited", ...seen });
    return ms;
  }

  /** An answer to what was asked before the pause ends no pause. */
  #free(): void {
    if (this.#since === null || this.#pausedUntilMs > this.#parts.clock.monotonicMs()) return;
    const { forge, apiUrl, credential } = this.#question;
    const since = this.#parts.clock.now();
    this.#since = null;
    const seen = { since, seenAt: since, until: null, problem: null };
    this.#parts.observer.changed({ forge, apiUrl, credential: credential.name, state: "ok", ...seen });
  }
}
