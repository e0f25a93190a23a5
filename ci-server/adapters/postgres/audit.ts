// The audit: a ring, whose oldest entries make room. Logins that failed make room for one another: whoever has no token could
// push out with them what others have done.

import type { Pool, PoolClient } from "pg";
import { type AuditEntry, type AuditRecord, nobody } from "../../core/accounts.ts";

export async function insertAudit(pool: Pool | PoolClient, entry: AuditRecord, entriesMax: number): Promise<void> {
  const { actor, action, target, detail } = entry;
  // Numbers have gaps: entries are counted. The new one is not among those that the statement sees.
  await pool.query(
    `with added as (insert into audit_entry (actor, action, target, detail) values ($1, $2, $3, $4)),
       failed as (select id from audit_entry where action = 'login_failed' and $1 = '${nobody}' order by id desc offset $6 limit 1)
     delete from audit_entry where id <= (select id from audit_entry order by id desc offset $5 limit 1)
       or action = 'login_failed' and id <= (select id from failed)`,
    [actor, action, target, JSON.stringify(detail), entriesMax - 1, Math.max(1, Math.floor(entriesMax / 10)) - 1],
  );
}

export async function listAudit(
  pool: Pool,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<AuditEntry[]> {
  const { rows } = await pool.query<Omit<AuditEntry, "id"> & { readonly id: string }>(
    `select id, at, actor, action, target, detail from audit_entry
     where $1::bigint is null or id < $1 order by id desc limit $2`,
    [before, limit],
  );
  return rows.map((row) => ({ ...row, id: Number(row.id) }));
}
