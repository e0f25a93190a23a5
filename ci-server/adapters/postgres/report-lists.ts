// What was told and what was not, for people.

import type { Pool } from "pg";
import type { ReportEntry, ReportPage, ReportStore } from "../../core/ports.ts";

/** When it changes, there is something to tell. */
export const keySql = "report_key(b.sha, b.attempts, b.plan, b.result)";
const state = `case when r.seen is not distinct from ${keySql} then 'told' when r.due_at is null or r.is_refused then 'failed' else 'pending' end`;
/** Of what waits because its repository's forge is given a rest: the same as of what was tried. */
const waiting = `case when l.paused_until > now() and r.seen is distinct from ${keySql} then l.problem end`;
const columns = `r.place, r.build_id as "buildId", b.repository, r.kind, ${state} as state, r.attempts, coalesce(r.problem, ${waiting}) as problem, r.changed_at as "changedAt",
  case when r.seen is distinct from ${keySql} and r.due_at is not null then greatest(r.due_at, l.paused_until) end as "dueAt",
  case when r.kind = 'comment' then (b.pull_request->>'url') || '#issuecomment-' || (r.told->'comment'->>'id') end as url`;
const from = "from report r join build b on b.id = r.build_id join report_line l on l.repository = r.repository";
/** Of what is not told; an index has these alone. */
const untold = "(r.problem is not null or r.due_at is not null)";
const listSql = (rows: string) => `select ${columns} ${from} where ${rows} and ($1::text is null or ${state} = $1)
  and ($2::bigint is null or r.place < $2) order by r.place desc limit $3`;
const failingSql = `with failing as (select ${columns} ${from}
    where ${untold} and (r.problem is not null or l.paused_until > now()) and r.seen is distinct from ${keySql} and r.changed_at > now() - make_interval(hours => $1))
  select *, (select count(*)::int from failing) as count from failing order by place desc limit 1`;

type Row = Omit<ReportEntry, "place" | "buildId"> & { readonly place: string; readonly buildId: string };

export async function listReports(pool: Pool, { state: wanted, before, limit }: ReportPage): Promise<ReportEntry[]> {
  const sql = listSql(wanted === "pending" || wanted === "failed" ? untold : "true");
  return (await pool.query<Row>(sql, [wanted, before, limit])).rows.map(toEntry);
}

export async function reportsOfBuild(pool: Pool, buildId: number): Promise<ReportEntry[]> {
  const sql = `select ${columns} ${from} where r.build_id = $1 order by r.kind desc`;
  return (await pool.query<Row>(sql, [buildId])).rows.map(toEntry);
}

export async function failingReports(pool: Pool, hours: number): ReturnType<ReportStore["failing"]> {
  const [row] = (await pool.query<Row & { readonly count: number }>(failingSql, [hours])).rows;
  if (row === undefined) return null;
  const { count, ...newest } = row;
  return { count, newest: toEntry(newest) };
}

function toEntry(row: Row): ReportEntry {
  return { ...row, place: Number(row.place), buildId: Number(row.buildId) };
}
