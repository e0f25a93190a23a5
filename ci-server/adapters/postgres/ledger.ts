// Reads the ledger, and keeps the ring of what was refused.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { LedgerEntry } from "../../core/delivery.ts";
import type { LedgerPage, Refusal } from "../../core/ports.ts";
import { escaped } from "./activity-search.ts";
import { mergeBuildSql } from "./merge-build.ts";
import { readStoredBody } from "./stored-body.ts";

const refusalsMax = 1_000;

interface LedgerRow extends Record<string, unknown> {
  readonly id: string;
  readonly buildId: string | null;
}

const columns = `d.id, d.guid, d.forge, d.name, d.action, d.repository, d.hook_id as "hookId", d.received_at as "receivedAt", d.headers,
  d.secret_id as "secretId", d.body_bytes as "bodyBytes", d.verdict, d.reason, d.rules, d.build_id as "buildId", d.origin`;

export async function listDeliveries(pool: Pool, page: LedgerPage): Promise<LedgerEntry[]> {
  const { rows } = await pool.query<LedgerRow>(
    `select ${columns} from delivery d where ($1::text is null or lower(d.repository) = lower($1))
       and ($2::text is null or d.verdict = $2) and ($3::bigint is null or d.id < $3)
       and ($5::text is null or d.name = $5)
       and ($6::text is null or d.title ilike $6 or d.reason ilike $6 or d.repository ilike $6 or d.guid ilike $6)
       and ($7::bigint is null or d.id > $7)
     order by d.id desc limit $4`,
    [
      ...[page.repository, page.verdict, page.before, page.limit],
      ...[page.event ?? null, toPattern(page.q ?? null), page.after ?? null],
    ],
  );
  return rows.map(toEntry);
}

function toPattern(q: string | null): string | null {
  return q === null ? null : `%${escaped(q)}%`;
}

export async function findDelivery(pool: Pool, guid: string): Promise<LedgerEntry | null> {
  const { rows } = await pool.query<LedgerRow>(`select ${columns} from delivery d where d.guid = $1`, [guid]);
  return rows[0] === undefined ? null : toEntry(rows[0]);
}

export async function findBody(pool: Pool, guid: string): Promise<Uint8Array | null> {
  const { rows } = await pool.query<{ body: Buffer }>("select body from delivery where guid = $1", [guid]);
  return rows[0] === undefined ? null : readStoredBody(rows[0].body);
}

/** The first build of the merge: a replay is none. */
export async function findMergeBuild(
  pool: Pool | PoolClient,
  request: BuildRequest,
  repositoryId: number | null,
): Promise<number | null> {
  const { repository, pullRequest, sha, service } = request;
  const { rows } = await pool.query<{ id: string }>(
    `select b.id from (select $1::bigint as repository_id, $2::text as repository, $3::integer as number, $4::text as sha,
       coalesce($5::text, '') as service) m cross join lateral (${mergeBuildSql}) b`,
    [repositoryId, repository, pullRequest?.number ?? null, sha, service],
  );
  return rows[0] === undefined ? null : Number(rows[0].id);
}

export async function insertRefusal(pool: Pool, refusal: Refusal): Promise<void> {
  const { guid, name, bodyBytes, reason } = refusal;
  await pool.query(
    `with added as (insert into refused_delivery (guid, name, body_bytes, reason) values ($1, $2, $3, $4) returning id)
     delete from refused_delivery where id <= (select id from added) - $5`,
    [guid, name, bodyBytes, reason, refusalsMax],
  );
}

function toEntry(row: LedgerRow): LedgerEntry {
  // The columns bear the names of LedgerEntry's fields, and only deliveries.ts writes them.
  return {
    ...(row as unknown as LedgerEntry),
    id: Number(row.id),
    buildId: row.buildId === null ? null : Number(row.buildId),
  };
}
