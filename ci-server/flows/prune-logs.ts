// Prunes the history: logs and steps of builds that ended long ago. The builds stay, and say so.

import type { OldLog, PruneRecord } from "../core/ports.ts";
import type { PruneItem } from "../core/prune.ts";
import type { Tally } from "./prune-report.ts";

const listedMax = 100;

export interface LogPrune {
  readonly record: PruneRecord;
  readonly daysMax: number;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly tally: Tally;
}

export async function pruneLogs({ record, daysMax, dryRun, signal, tally }: LogPrune): Promise<void> {
  const toItem = ({ buildId, repository, finishedAt }: OldLog): PruneItem => ({
    what: `log of build ${buildId} of ${repository}`,
    verdict: "remove",
    reason: `it ended on ${finishedAt.toISOString()}, more than ${daysMax} days ago (limits.log_days_max)`,
    ...{ bytes: null, problem: null },
  });
  if (dryRun) {
    const { logs, total } = await record.oldLogs(daysMax, listedMax);
    for (const log of logs) tally.add(toItem(log));
    if (total > logs.length) tally.note(`${total - logs.length} more logs are as old`);
    return;
  }
  // A bounded number with each statement, so that nobody who stores or reads has to wait for it.
  for (;;) {
    signal.throwIfAborted();
    const removed = await record.removeOldLogs(daysMax);
    for (const log of removed) tally.add(toItem(log));
    if (removed.length === 0) return;
  }
}
