// Wall clock and waiting.

/** Wall clock and waiting. */
export interface Clock {
  now(): Date;
  /** Milliseconds that only ever grow; the zero point means nothing. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason on abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}
