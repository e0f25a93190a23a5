// The statements on what a merge changed: on its build, and in the ledger entry of the delivery that led to it.

import type { Pool, PoolClient } from "pg";
import type { AttemptKey } from "../../core/build.ts";
import { withLateRule } from "../../core/decide.ts";
import type { RuleVerdict } from "../../core/delivery.ts";
import type { PathsVerdict } from "../../core/judge-paths.ts";
import type { ChangedFiles, MergeRecord } from "../../core/ports.ts";
import { run } from "./attempts.ts";

const changedFilesMax = 3_000;

/** To be run in one transaction. */
export async function insertMerge(client: PoolClient, at: AttemptKey, { changes, paths }: MergeRecord): Promise<void> {
  const { method, since, files } = changes;
  const merge = JSON.stringify({ method, since, files: files.length });
  const sql = `update build set merge = $3, changed_files = $4, skip_reason = $5
    where id = $1 and attempts = $2 and result is null`;
  await run(client, at, sql, [merge, files.slice(0, changedFilesMax), paths?.refusal ?? null]);
  if (paths !== null) await updateEntry(client, at.buildId, paths);
}

/** Null when nothing was recorded. */
export async function findChangedFiles(pool: Pool, id: number): Promise<ChangedFiles | null> {
  const { rows } = await pool.query<ChangedFiles>(
    `select changed_files as files, (merge->>'files')::int as total from build where id = $1 and merge is not null`,
    [id],
  );
  return rows[0] ?? null;
}

/** A replay is a build of its own: the entry goes on saying what came of the delivery when it came. */
export async function updateEntry(client: PoolClient, id: number, { rule, refusal }: PathsVerdict): Promise<void> {
  const { rows } = await client.query<{ guid: string; rules: readonly RuleVerdict[] }>(
    `select d.guid, d.rules from delivery d join build b on d.guid = b.delivery_guid and d.build_id = b.id
     where b.id = $1 for update of d`,
    [id],
  );
  const [entry] = rows;
  if (entry === undefined) return;
  await client.query(
    `update delivery set rules = $2, reason = coalesce($3, reason),
       verdict = case when $3::text is null then verdict else 'skip' end where guid = $1`,
    [entry.guid, JSON.stringify(withLateRule(entry.rules, rule)), refusal],
  );
}
