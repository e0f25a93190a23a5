// Opens everything that stands on PostgreSQL: the embedded server where none is named, the schema, the queue, the store.

import { Pool, type PoolConfig } from "pg";
import type { Logger } from "pino";
import type { LedgerLimits } from "../../core/delivery.ts";
import type { ActivityChanges, CommandStore, Queue, Store } from "../../core/ports.ts";
import type { Concurrency } from "../../core/recipe.ts";
import { createActivityChanges } from "./activity-changes.ts";
import { Changes } from "./changes.ts";
import { createCommandStore } from "./commands.ts";
import { startEmbeddedPostgres } from "./embedded.ts";
import { migrate } from "./migrate.ts";
import { createQueue } from "./queue.ts";
import type { QueueLimits } from "./queue-room.ts";
import { RepositorySettings } from "./repository-settings.ts";
import { createStore, withDatabaseErrors } from "./store.ts";
import { toDatabaseError } from "./transaction.ts";

// A database that does not answer is as good as none: whoever asked is told so.
const queryMsMax = 8_000;
const connectionTimeoutMillis = 10_000;

/** Of pg-boss: two for its statements, and the one that listens. */
const queueConnections = 3;

export interface PostgresOptions {
  /** Null starts the embedded PostgreSQL in `folder`. */
  readonly url: string | null;
  readonly folder: string;
  /** Id of this worker over all its starts; stands at its attempts. */
  readonly worker: string;
  /** What the server's configuration says, by the repository's name; of any other repository its own file says it. */
  readonly concurrencies: ReadonlyMap<string, Concurrency>;
  readonly workers: number;
  readonly expireSeconds: number;
  /** Of this process, in all. */
  readonly connectionsMax: number;
  readonly limits: QueueLimits;
  readonly ledgerLimits: LedgerLimits;
  readonly log: Logger;
}

export interface OpenPostgres {
  readonly store: Store;
  readonly activityChanges: ActivityChanges;
  readonly commands: CommandStore;
  readonly queue: Queue;
  readonly pool: Pool;
  /** Stops the queue if it was not stopped before, closes the connections, then stops the embedded server. */
  close(): Promise<void>;
}

export async function openPostgres(options: PostgresOptions): Promise<OpenPostgres> {
  const { limits, ledgerLimits, worker, log } = options;
  const embedded = options.url === null ? await startEmbeddedPostgres(options.folder) : null;
  const connection = embedded === null ? { connectionString: options.url ?? "" } : embedded.connection;
  const max = options.connectionsMax - queueConnections;
  const pool = createPool({ ...connection, connectionTimeoutMillis, query_timeout: queryMsMax, max }, log);
  // What is open, the last first.
  const closers = [() => pool.end(), async () => embedded?.stop()];
  const close = async () => {
    for (const one of closers) await one();
  };
  try {
    await migrate({ ...connection, connectionTimeoutMillis });
    const queue = await createQueue({
      ...{ connection: { ...connection, max: queueConnections - 1 }, pool, worker: options.worker },
      concurrency: options.workers,
      expireSeconds: options.expireSeconds,
      log,
    });
    closers.unshift(() => queue.stop(0));
    const changes = new Changes(pool, log, async () => embedded?.revive());
    closers.unshift(async () => changes.stop());
    await changes.start();
    const settings = new RepositorySettings(options.concurrencies);
    return {
      store: createStore({ pool, queue, changes, settings, limits, ledgerLimits, worker }),
      activityChanges: withDatabaseErrors(createActivityChanges(pool, changes)),
      commands: createCommandStore(pool, changes),
      queue,
      pool,
      close,
    };
  } catch (cause) {
    await close();
    return toDatabaseError(cause);
  }
}

function createPool(config: PoolConfig, log: Logger): Pool {
  // Statements that do not wait for one another's results are sent at once; the types do not know this option yet.
  const pool = new Pool({ ...config, pipeline: true } as PoolConfig);
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", (error) => log.warn({ err: error }, "a database connection was lost"));
  return pool;
}
