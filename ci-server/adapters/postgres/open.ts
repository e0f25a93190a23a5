// Opens everything that stands on PostgreSQL: the embedded server where none is named, the schema, the queue, the store.

import { Pool, type PoolConfig } from "pg";
import type { Logger } from "pino";
import type { Queue, Store } from "../../core/ports.ts";
import { Changes } from "./changes.ts";
import { startEmbeddedPostgres } from "./embedded.ts";
import { migrate } from "./migrate.ts";
import { createQueue } from "./queue.ts";
import type { QueueLimits } from "./queue-room.ts";
import { createStore } from "./store.ts";
import { toDatabaseError } from "./transaction.ts";

// A database that does not answer is as good as none: whoever asked is told so.
const queryMsMax = 8_000;

export interface PostgresOptions {
  /** Null starts the embedded PostgreSQL in `folder`. */
  readonly url: string | null;
  readonly folder: string;
  /** Id of this worker over all its starts; stands at its attempts. */
  readonly worker: string;
  readonly workers: number;
  readonly expireSeconds: number;
  readonly limits: QueueLimits;
  readonly log: Logger;
}

export interface OpenPostgres {
  readonly store: Store;
  readonly queue: Queue;
  readonly pool: Pool;
  /** Closes the connections, then stops the embedded server. The queue has to be stopped before. */
  close(): Promise<void>;
}

export async function openPostgres(options: PostgresOptions): Promise<OpenPostgres> {
  const { log } = options;
  const embedded = options.url === null ? await startEmbeddedPostgres(options.folder) : null;
  const connection = embedded === null ? { connectionString: options.url ?? "" } : embedded.connection;
  const timeouts = { connectionTimeoutMillis: 5_000, query_timeout: queryMsMax };
  const pool = createPool({ ...connection, ...timeouts, max: 20 }, log);
  try {
    await migrate(pool).catch(toDatabaseError);
    const queue = await createQueue({
      ...{ connection, pool, worker: options.worker },
      concurrency: options.workers,
      expireSeconds: options.expireSeconds,
      log,
    });
    const changes = new Changes(pool, log, async () => embedded?.revive());
    await changes.start();
    const close = async () => {
      changes.stop();
      await pool.end();
      await embedded?.stop();
    };
    return {
      store: createStore({ pool, queue, changes, limits: options.limits, worker: options.worker }),
      queue,
      pool,
      close,
    };
  } catch (cause) {
    await pool.end();
    await embedded?.stop();
    throw cause;
  }
}

function createPool(config: PoolConfig, log: Logger): Pool {
  const pool = new Pool(config);
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on("error", (error) => log.warn({ err: error }, "a database connection was lost"));
  return pool;
}
