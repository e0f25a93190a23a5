// How many requests a client may make: by its token's name, else by its address; in this process.

import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";
import { AppError } from "../core/errors.ts";

export class RateLimit {
  readonly #limiter: RateLimiterMemory;
  readonly #name: string;

  /** `name`: of the setting. */
  constructor(name: string, perMinuteMax: number) {
    this.#limiter = new RateLimiterMemory({ points: perMinuteMax, duration: 60 });
    this.#name = name;
  }

  /** Counts one. Throws `rate_limited` with the seconds to wait. */
  async take(client: string): Promise<void> {
    try {
      await this.#limiter.consume(client);
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const retryAfterSeconds = Math.max(1, Math.ceil(refusal.msBeforeNext / 1000));
      throw new AppError("rate_limited", `too many requests (${this.#name}); wait ${retryAfterSeconds} s`, {
        details: { retryAfterSeconds },
      });
    }
  }

  /** It was none of those that are limited. */
  async giveBack(client: string): Promise<void> {
    await this.#limiter.reward(client);
  }
}
