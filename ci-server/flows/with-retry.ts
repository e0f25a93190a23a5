// Does something again after trouble that may pass, and says so in the build's log.

import { toAppError } from "../core/errors.ts";
import type { Clock, WriteLine } from "../core/ports.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";

export interface RetryParts {
  readonly clock: Clock;
  readonly policy: RetryPolicy;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

export async function withRetry<T>(parts: RetryParts, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (thrown) {
      parts.signal.throwIfAborted();
      const error = toAppError(thrown);
      const delayMs = retryDelayMs(parts.policy, attempt, error);
      if (delayMs === null) throw thrown;
      parts.log(`try ${attempt} of ${parts.policy.attempts} failed: ${error.message}; again in ${delayMs / 1000} s`);
      await parts.clock.sleep(delayMs, parts.signal);
    }
  }
}
