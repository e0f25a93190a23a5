// Keeps the ledger within its limits for as long as the server runs.

import type { Clock, Store } from "../core/ports.ts";

/** Between two sweeps: what comes meanwhile may stand above the limits. */
export const sweepMs = 10 * 60 * 1000;

export interface SweepParts {
  readonly store: Pick<Store, "sweepLedger">;
  readonly clock: Clock;
  /** Hears of each sweep: how many deliveries it removed, or why it could not. The next one comes all the same. */
  readonly report: (outcome: { readonly removed: number } | { readonly error: unknown }) => void;
}

/** Sweeps now and then at intervals; returns how to stop, which waits for the statement that runs. */
export function startSweeping({ store, clock, report }: SweepParts): () => Promise<void> {
  return sweepAtIntervals(clock, async (stopping) => {
    try {
      report({ removed: await store.sweepLedger(stopping) });
    } catch (error) {
      if (!stopping.aborted) report({ error });
    }
  });
}

/** `sweep` does not throw. Returns how to stop, which waits for the sweep that runs. */
export function sweepAtIntervals(clock: Clock, sweep: (stopping: AbortSignal) => Promise<void>): () => Promise<void> {
  const stopping = new AbortController();
  const sweeping = sweepUntil(clock, sweep, stopping.signal);
  return () => {
    stopping.abort();
    return sweeping;
  };
}

async function sweepUntil(
  clock: Clock,
  sweep: (stopping: AbortSignal) => Promise<void>,
  stopping: AbortSignal,
): Promise<void> {
  while (!stopping.aborted) {
    await sweep(stopping);
    await clock.sleep(sweepMs, stopping).catch(() => undefined);
  }
}
