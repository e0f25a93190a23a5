// The statements on tokens and the sessions that are begun with them.

import type { Pool } from "pg";
import type { AccessToken, Actor } from "../../core/accounts.ts";
import { AppError } from "../../core/errors.ts";
import type { NewSession, NewToken } from "../../core/ports.ts";
import { transaction } from "./transaction.ts";

// One maker of tokens at a time; any constant will do.
const lockKey = 7_310_004;

export async function listTokens(pool: Pool): Promise<AccessToken[]> {
  const { rows } = await pool.query<AccessToken>(
    `select name, role, prefix, created_at as "createdAt", created_by as "createdBy", last_used_at as "lastUsedAt",
       revoked_at as "revokedAt" from access_token order by id desc`,
  );
  return rows;
}

export async function insertToken(pool: Pool, token: NewToken, tokensMax: number): Promise<void> {
  const { name, role, hash, prefix, createdBy } = token;
  await transaction(pool, async (client) => {
    await client.query("select pg_advisory_xact_lock($1)", [lockKey]);
    const { rows } = await client.query<{ count: number; taken: boolean }>(
      `select count(*)::int as count, coalesce(bool_or(name = $1), false) as taken from access_token where revoked_at is null`,
      [name],
    );
    if (rows[0]?.taken === true)
      throw new AppError("conflict", `there is a token "${name}" already; revoke it first, or choose another name`);
    if ((rows[0]?.count ?? 0) >= tokensMax)
      throw new AppError("conflict", `there are ${tokensMax} tokens already (limits.tokens_max); revoke one first`);
    // Of those that were revoked the list keeps as many.
    await client.query(
      `delete from access_token where id in
         (select id from access_token where revoked_at is not null order by revoked_at desc offset $1)`,
      [tokensMax],
    );
    await client.query("insert into access_token (name, role, hash, prefix, created_by) values ($1, $2, $3, $4, $5)", [
      name,
      role,
      hash,
      prefix,
      createdBy,
    ]);
  });
}

export async function revokeToken(pool: Pool, name: string): Promise<void> {
  const { rowCount } = await pool.query(
    `with revoked as (update access_token set revoked_at = now() where name = $1 and revoked_at is null returning hash),
       ended as (delete from access_session where token_hash in (select hash from revoked))
     select from revoked`,
    [name],
  );
  if (rowCount === 0)
    throw new AppError("not_found", `no token "${name}" is in use; GET /api/v1/tokens lists those that are there`);
}

/** The time of the last use is written once a minute at most: requests must not write. */
export async function findTokenOwner(pool: Pool, hash: Uint8Array): Promise<Actor | null> {
  const { rows } = await pool.query<Actor & { isStale: boolean }>(
    `select name, role, last_used_at is null or last_used_at < now() - interval '1 min' as "isStale"
     from access_token where hash = $1 and revoked_at is null`,
    [hash],
  );
  const [owner] = rows;
  if (owner === undefined) return null;
  if (owner.isStale) {
    await pool.query(
      `update access_token set last_used_at = now()
       where hash = $1 and (last_used_at is null or last_used_at < now() - interval '1 min')`,
      [hash],
    );
  }
  return { name: owner.name, role: owner.role };
}

/** What has expired, or is beyond the number of sessions of the token, goes with it. */
export async function insertSession(pool: Pool, session: NewSession): Promise<void> {
  const { hash, tokenHash, daysMax, sessionsMax } = session;
  await transaction(pool, async (client) => {
    await client.query("delete from access_session where expires_at < now()");
    await client.query(
      `delete from access_session where hash in
         (select hash from access_session where token_hash = $1 order by created_at desc offset $2)`,
      [tokenHash, sessionsMax - 1],
    );
    await client.query(
      "insert into access_session (hash, token_hash, expires_at) values ($1, $2, now() + make_interval(days => $3))",
      [hash, tokenHash, daysMax],
    );
  });
}

export async function findSessionToken(pool: Pool, hash: Uint8Array): Promise<Uint8Array | null> {
  const { rows } = await pool.query<{ token: Buffer }>(
    "select token_hash as token from access_session where hash = $1 and expires_at > now()",
    [hash],
  );
  return rows[0]?.token ?? null;
}

export async function deleteSession(pool: Pool, hash: Uint8Array): Promise<void> {
  await pool.query("delete from access_session where hash = $1", [hash]);
}
