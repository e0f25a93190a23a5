// Runs statements in one transaction and tells trouble with the database from trouble with the statement.

import type { Pool, PoolClient } from "pg";
import { AppError } from "../../core/errors.ts";

/** SQLSTATE classes that say "not now": connection, resources, operator's intervention, system. Source: PostgreSQL, appendix A. */
const unavailableClasses = new Set(["08", "53", "57", "58"]);

/** Commits what `work` did, or rolls all of it back when it throws. */
export async function transaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect().catch(toDatabaseError);
  let broken: Error | undefined;
  try {
    await client.query("begin");
    const result = await work(client);
    await client.query("commit");
    return result;
  } catch (cause) {
    await client.query("rollback").catch((error: Error) => {
      broken = error;
    });
    throw cause instanceof AppError ? cause : toDatabaseError(cause);
  } finally {
    client.release(broken);
  }
}

/** Throws `unavailable` when the database cannot be reached or cannot work now, else what was thrown. */
export function toDatabaseError(cause: unknown): never {
  const code = (cause as { code?: unknown }).code; // pg and node:net both put a string there
  const isSqlState = typeof code === "string" && /^[0-9A-Z]{5}$/.test(code);
  if (isSqlState && !unavailableClasses.has(code.slice(0, 2))) throw cause;
  throw new AppError("unavailable", "the database cannot be reached; see /readyz and the state of PostgreSQL", {
    cause,
  });
}
