// What a worker has to know of a build's trace before it begins the next attempt.

import type { Pool } from "pg";
import type { Attempt } from "../../core/build.ts";
import { listAttempts } from "./attempts.ts";

export interface StoredTrace {
  /** Null where the build has no delivery that was traced. */
  readonly traceparent: string | null;
  readonly attempts: readonly Attempt[];
}

export async function readTrace(pool: Pool, buildId: number): Promise<StoredTrace> {
  const [{ rows }, attempts] = await Promise.all([
    pool.query<{ traceparent: string | null }>("select traceparent from build where id = $1", [buildId]),
    listAttempts(pool, buildId),
  ]);
  return { traceparent: rows[0]?.traceparent ?? null, attempts };
}
