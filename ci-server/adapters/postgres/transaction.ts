// Runs statements in one transaction and tells trouble with the database from trouble with the statement.

import type { Pool, PoolClient } from "pg";
import { AppError } from "../../core/errors.ts";

/**
 * SQLSTATE classes that say nothing of the statement: connection, authorization, database name, resources, operator's
 * intervention, system. Source: PostgreSQL, appendix A.
 */
const unavailableClasses = new Set(["08", "28", "3D", "53", "57", "58"]);

/** Commits what `work` did, or rolls all of it back when it throws. `begin`: what else has to be said at its beginning. */
export async function transaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  begin = "begin",
): Promise<T> {
  const client = await pool.connect().catch(toDatabaseError);
  let broken: Error | undefined;
  // The pool listens to idle connections only: a borrowed one that breaks would end the process.
  const note = (error: Error) => {
    broken = error;
  };
  client.on("error", note);
  try {
    // On its way while the work begins: where it fails, the database refuses what follows.
    const [, result] = await together([client.query(begin), work(client)]);
    await client.query("commit");
    return result;
  } catch (cause) {
    await client.query("rollback").catch((error: Error) => {
      broken = error;
    });
    throw cause instanceof AppError ? cause : toDatabaseError(cause);
  } finally {
    client.off("error", note);
    client.release(broken);
  }
}

/** Statements of one client that are sent without waiting for one another; they are done in their order. Throws what the first one threw, once none is under way. */
export async function together<T extends readonly unknown[]>(
  statements: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  await Promise.allSettled(statements);
  return Promise.all(statements) as Promise<unknown> as Promise<T>; // the same places
}

/** Throws `unavailable` when the database cannot be reached or cannot work now, else what was thrown. */
export function toDatabaseError(cause: unknown): never {
  if (!(cause instanceof Error) || !isUnavailable(cause)) throw cause;
  const why = cause.message || ("code" in cause ? cause.code : cause.name);
  const message = `the database cannot be used (${why}); does PostgreSQL run, and is DATABASE_URL right?`;
  throw new AppError("unavailable", message, { cause });
}

/** The server's own errors have a SQLSTATE, those of the socket a code like ECONNRESET, those of pg's client a text only. */
function isUnavailable(cause: Error): boolean {
  const code = "code" in cause ? String(cause.code) : "";
  if (/^(?=.*\d)[0-9A-Z]{5}$/.test(code)) return unavailableClasses.has(code.slice(0, 2));
  return /^E(?!RR_)[A-Z_]+$/.test(code) || /connection|timeout|pool/i.test(cause.message);
}
