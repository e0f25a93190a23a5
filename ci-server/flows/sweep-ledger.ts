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
export function startSweeping(parts: SweepParts): () => Promise<void> {
  const stopping = new AbortController();
  const sweeping = sweepUntil(parts, stopping.signal);
  return () => {
    stopping.abort();
    return sweeping;
  };
}

async function sweepUntil({ store, clock, report }: SweepParts, stopping: AbortSignal): Promise<void> {
  while (!stopping.aborted) {
    try {
      report({ removed: await store.sweepLedger(stopping) });
    } catch (error) {
      if (!stopping.aborted) report({ error });
    }
    await clock.sleep(sweepMs, stopping).catch(() => undefined);
  }
}
