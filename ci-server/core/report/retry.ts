// When a report is tried again that a forge did not take.

import type { AppError } from "../errors.ts";

export interface ReportRetry {
  readonly retryMs: number;
  /** How long the whole repository waits: others would get the same answer. */
  readonly pauseMs: number;
  /** The forge said no: somebody has to mend something. */
  readonly isRefused: boolean;
}

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
/** A commit is not known to all of a forge's machines at once. */
const lagTriesMax = 3;

/** `attempt` counts from 1. */
export function retryOf({ code, details }: Pick<AppError, "code" | "details">, attempt: number): ReportRetry {
  const doubled = (fromMs: number, maxMs: number) => Math.min(maxMs, fromMs * 2 ** Math.min(attempt - 1, 20));
  if (code === "rate_limited" || code === "unavailable" || code === "timeout" || code === "cancelled") {
    const { retryAfterMs } = details;
    const retryMs = Math.max(typeof retryAfterMs === "number" ? retryAfterMs : 0, doubled(secondMs, 2 * minuteMs));
    return { retryMs, pauseMs: retryMs, isRefused: false };
  }
  if (code === "unauthorized" || code === "forbidden" || code === "not_found")
    return { retryMs: doubled(30 * secondMs, 15 * minuteMs), pauseMs: 0, isRefused: true };
  return { retryMs: doubled(2 * secondMs, 15 * minuteMs), pauseMs: 0, isRefused: attempt >= lagTriesMax };
}
