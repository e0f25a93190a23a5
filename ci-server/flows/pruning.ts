// Prunes at intervals, when somebody asks for it, and when the disk is nearly full: one at a time in this process.

import { AppError } from "../core/errors.ts";
import type { Disk } from "../core/ports.ts";
import type { PruneReport } from "../core/prune.ts";
import { type PruneParts, type PruneRequest, prune, pruneUrgently } from "./prune.ts";
import { sweepAtIntervals } from "./sweep-ledger.ts";

export interface PruningParts extends PruneParts {
  readonly disk: Disk;
  /** 0: no build waits for free space. */
  readonly freeBytesMin: number;
  /** Hears of each prune that may have removed something, and of one that was broken off. */
  readonly report: (outcome: PruneReport | { readonly error: unknown }) => void;
}

export interface Pruning {
  prune(request: PruneRequest): Promise<PruneReport>;
  /**
   * For the beginning of a build: throws `unavailable` where less is free than there has to be, also after a prune of what
   * is ours. Later, when there is room again, the same call does nothing.
   */
  ensureRoom(signal: AbortSignal): Promise<void>;
  /** Begins now; returns how to stop. */
  start(): () => Promise<void>;
}

export function createPruning(parts: PruningParts): Pruning {
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> => {
    const turn = last.then(() => {
      signal.throwIfAborted();
      return work();
    });
    last = turn.catch(() => undefined);
    return untilAborted(turn, signal);
  };
  const reported = async (work: () => Promise<PruneReport>) => {
    const report = await work();
    if (!report.dryRun) parts.report(report);
    return report;
  };
  const pruneNow = (request: PruneRequest) => inTurn(request.signal, () => reported(() => prune(parts, request)));
  return {
    prune: pruneNow,
    async ensureRoom(signal) {
      if ((await tooFull(parts, signal)) === null) return;
      // Those who find the disk full at the same time wait for one another: the first one makes room for all.
      await inTurn(signal, async () => {
        if ((await tooFull(parts, signal)) !== null) await reported(() => pruneUrgently(parts, signal));
      });
      const problem = await tooFull(parts, signal);
      if (problem !== null) throw new AppError("unavailable", problem, { details: { failure: { kind: "disk" } } });
    },
    start: () =>
      sweepAtIntervals(parts.clock, async (signal) => {
        await pruneNow({ dryRun: false, signal }).catch((error: unknown) => {
          if (!signal.aborted) parts.report({ error });
        });
      }),
  };
}

/** Whoever gives up does not wait for the one before. */
async function untilAborted<T>(turn: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([turn, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Null where there is room enough. */
async function tooFull({ disk, freeBytesMin }: PruningParts, signal: AbortSignal): Promise<string | null> {
  if (freeBytesMin === 0) return null;
  const full = (await disk.free(signal)).find(({ bytes }) => bytes < freeBytesMin);
  if (full === undefined) return null;
  const what = `disk: ${full.bytes} bytes are free for ${full.folder}, and a build is begun with ${freeBytesMin} at least (limits.free_bytes_min)`;
  return `${what}; what is ours and not needed was removed already: free some space there, or lower the limit`;
}
