// Puts pruning together: what it works on, what it may take, and what the log hears of it.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createDisk } from "./adapters/disk.ts";
import { createEngineImages } from "./adapters/engine-images.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import { createPruneRecord } from "./adapters/postgres/prune.ts";
import { createRegistryContents } from "./adapters/registry-delete.ts";
import type { RegistryHttp } from "./adapters/registry-http.ts";
import type { Config } from "./config.ts";
import type { SourceFolders } from "./core/ports.ts";
import type { AreaReport } from "./core/prune.ts";
import { createPruning, type Pruning, type PruningParts } from "./flows/pruning.ts";

export interface PruneNeeds {
  readonly config: Config;
  readonly postgres: OpenPostgres;
  readonly registry: RegistryHttp;
  readonly folders: SourceFolders;
  /** Id of this worker over all its starts. */
  readonly worker: string;
  readonly log: Logger;
}

/** Of those that were removed, in the log. */
const loggedMax = 100;

export function openPruning({ config, postgres, registry, folders, worker, log }: PruneNeeds): Pruning {
  const { limits, engineHost, stateFolder } = config;
  return createPruning({
    record: createPruneRecord(postgres.pool),
    registry: createRegistryContents(registry),
    lock: postgres.store.lock,
    engine: createEngineImages(engineHost),
    disk: createDisk({ stateFolder, engineHost }),
    ...{ folders, clock: systemClock, reporter: worker },
    policy: config.retention,
    engineLimits: {
      pushHost: config.registry.pushHost,
      imagesMax: limits.engine_images_max,
      cacheBytesMax: limits.engine_cache_bytes_max,
      isDedicated: config.engineIsDedicated,
    },
    logDaysMax: limits.log_days_max,
    worktreeDaysMax: limits.worktree_days_max,
    freeBytesMin: limits.free_bytes_min,
    repositories: config.repositories.map(({ name }) => name),
    report: report(log),
  });
}

function report(log: Logger): PruningParts["report"] {
  return (outcome) => {
    if ("error" in outcome) log.warn({ err: outcome.error }, "pruning was broken off");
    else for (const area of outcome.areas) reportArea(log, area);
  };
}

function reportArea(log: Logger, { area, items, removed, failed, bytes, notes }: AreaReport): void {
  const gone = items.filter(({ verdict }) => verdict === "remove").slice(0, loggedMax);
  if (removed + failed === 0) {
    log.debug({ area, notes }, "nothing to prune");
    return;
  }
  const listed = gone.map(({ what, reason, problem }) => ({ what, reason, ...(problem !== null && { problem }) }));
  log[failed > 0 ? "warn" : "info"]({ area, removed, failed, bytes, notes, items: listed }, "pruned");
}
