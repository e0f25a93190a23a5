// The options of a store and queue of the tests, which need their own only where they look at it.

import { pino } from "pino";
import type { PostgresOptions } from "../../ci-server/adapters/postgres/open.ts";

/** With an embedded PostgreSQL in `folder`, unless it is changed. */
export function examplePostgres(folder: string, change: Partial<PostgresOptions> = {}): PostgresOptions {
  return {
    ...{ url: null, folder, worker: "a worker of the tests", workers: 4, concurrencies: new Map(), expireSeconds: 60 },
    ...{ connectionsMax: 20, limits: { perRepositoryMax: 200, inAllMax: 1_000 } },
    ledgerLimits: { daysMax: 36_500, bytesMax: 2 ** 50 },
    log: pino({ level: "silent" }),
    ...change,
  };
}
