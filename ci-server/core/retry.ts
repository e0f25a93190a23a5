// When to try again: only what is `unavailable` or `rate_limited`, each time after twice the wait, a limited number of times.

import type { AppError } from "./errors.ts";

/** `attempts` counts the first try too; `delayMs` is the wait after it, `delayMsMax` the longest. */
export interface RetryPolicy {
  readonly attempts: number;
  readonly delayMs: number;
  readonly delayMsMax: number;
}

/** Milliseconds to wait after the given failed attempt (from 1), or null when it is final; `details.retryAfterMs` is what was asked for. */
export function retryDelayMs(policy: RetryPolicy, attempt: number, error: AppError): number | null {
  if ((error.code !== "unavailable" && error.code !== "rate_limited") || attempt >= policy.attempts) return null;
  const { retryAfterMs } = error.details;
  const askedMs = typeof retryAfterMs === "number" ? retryAfterMs : 0;
  return Math.max(askedMs, Math.min(policy.delayMsMax, policy.delayMs * 2 ** (attempt - 1)));
}
