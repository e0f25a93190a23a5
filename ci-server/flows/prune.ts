// One prune: the areas one after the other, each with its own report; what goes wrong in one does not keep the others from it.

import { AppError, toAppError } from "../core/errors.ts";
import type {
  Clock,
  EngineContents,
  EngineImages,
  PruneRecord,
  RegistryContents,
  SourceFolders,
  Store,
} from "../core/ports.ts";
import type { AreaReport, PruneArea, PruneReport } from "../core/prune.ts";
import type { RetentionPolicy } from "../core/retention.ts";
import { type EngineLimits, pruneEngine } from "./prune-engine.ts";
import { pruneLogs } from "./prune-logs.ts";
import { pruneRegistry } from "./prune-registry.ts";
import { Tally } from "./prune-report.ts";

export interface PruneParts {
  readonly record: PruneRecord;
  readonly registry: RegistryContents;
  readonly lock: Store["lock"];
  readonly engine: EngineImages;
  readonly folders: SourceFolders;
  readonly clock: Clock;
  /** Under which this process says what runs on its engine. */
  readonly reporter: string;
  readonly policy: RetentionPolicy;
  readonly engineLimits: EngineLimits;
  readonly logDaysMax: number;
  readonly worktreeDaysMax: number;
  /** Names of those that are configured. */
  readonly repositories: readonly string[];
}

export interface PruneRequest {
  /** Says what would be removed, and touches nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** After this time the rest is left to the next prune. */
const pruneMsMax = 4 * 60_000;

export async function prune(parts: PruneParts, request: PruneRequest): Promise<PruneReport> {
  const run = toRun(parts, request);
  const { contents, problem } = await lookAtEngine(parts, request);
  const { record, logDaysMax: daysMax } = parts;
  const areas = [
    await run("registry", (rest) => pruneRegistry({ ...rest, ...parts, running: contents?.running ?? null })),
    await run("engine", (rest) => {
      if (contents === null) throw new AppError("unavailable", problem);
      return pruneEngine({ ...rest, ...parts, contents, limits: parts.engineLimits, isUrgent: false });
    }),
    await run("folders", (rest) => pruneFolders(parts, rest)),
    await run("logs", (rest) => pruneLogs({ ...rest, record, daysMax })),
  ];
  return { dryRun: request.dryRun, areas };
}

/** What frees disk space at once: images of ours on the engine that nothing uses, and folders of the sources. */
export async function pruneUrgently(parts: PruneParts, signal: AbortSignal): Promise<PruneReport> {
  const run = toRun(parts, { dryRun: false, signal });
  const areas = [
    await run("folders", (rest) => pruneFolders(parts, rest)),
    await run("engine", async (rest) => {
      const contents = await parts.engine.contents(rest.signal);
      await pruneEngine({ ...rest, ...parts, contents, limits: parts.engineLimits, isUrgent: true });
    }),
  ];
  return { dryRun: false, areas };
}

interface Rest {
  readonly tally: Tally;
  readonly now: Date;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

type RunArea = (area: PruneArea, work: (rest: Rest) => Promise<void>) => Promise<AreaReport>;

function toRun({ clock }: PruneParts, { dryRun, signal: stopping }: PruneRequest): RunArea {
  const late = new AbortController();
  const signal = AbortSignal.any([stopping, late.signal]);
  const startedMs = clock.monotonicMs();
  return async (area, work) => {
    const tally = new Tally(area);
    const timer = setTimeout(() => late.abort(), Math.max(0, pruneMsMax - (clock.monotonicMs() - startedMs)));
    try {
      signal.throwIfAborted();
      await work({ tally, now: clock.now(), dryRun, signal });
    } catch (cause) {
      // What was removed until now is told all the same.
      tally.note(whyEnded(stopping, late.signal) ?? toAppError(cause).message);
    } finally {
      clearTimeout(timer);
    }
    return tally.report();
  };
}

function whyEnded(stopping: AbortSignal, late: AbortSignal): string | null {
  if (stopping.aborted) return "broken off: the server stops, or nobody waits for the answer any more";
  return late.aborted ? `stopped after ${pruneMsMax / 1000} s; the next prune goes on` : null;
}

/** Also told to the others: what runs here stays in the registry, whoever prunes that. */
async function lookAtEngine(
  { engine, record, reporter }: PruneParts,
  { dryRun, signal }: PruneRequest,
): Promise<{ readonly contents: EngineContents | null; readonly problem: string }> {
  try {
    const contents = await engine.contents(signal);
    if (!dryRun) await record.reportRunning(reporter, contents.running);
    return { contents, problem: "" };
  } catch (cause) {
    return { contents: null, problem: toAppError(cause).message };
  }
}

async function pruneFolders(
  { folders, repositories, worktreeDaysMax: daysMax }: PruneParts,
  rest: Rest,
): Promise<void> {
  for (const item of await folders.sweep({ ...rest, repositories, daysMax })) rest.tally.add(item);
}
