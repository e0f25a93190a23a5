// The audit: a ring, whose oldest entries make room.

import type { Pool } from "pg";
import type { AuditEntry, AuditRecord } from "../../core/accounts.ts";

export async function insertAudit(pool: Pool, entry: AuditRecord, entriesMax: number): Promise<void> {
  const { actor, action, target, detail } = entry;
  await pool.query(
    `with added as (insert into audit_entry (actor, action, target, detail) values ($1, $2, $3, $4) returning id)
     delete from audit_entry where id <= (select id from added) - $5`,
    [actor, action, target, JSON.stringify(detail), entriesMax],
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
