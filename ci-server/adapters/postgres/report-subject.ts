// Reads a build as it is now, with what has to be known beside it to tell its forge of it.

import type { Pool } from "pg";
import type { ReportSubject } from "../../core/ports.ts";
import type { NewerBuild } from "../../core/report/report.ts";
import { findBuild } from "./builds.ts";

const newerMax = 200;
/** Builds that are looked through for the last plan. */
const plannedMax = 1_000;

const plannedSql = `select b.plan from build b where lower(b.repository) = lower($1) and b.plan is not null and b.id <= $2
  and b.id > $2 - ${plannedMax} order by b.id desc limit 1`;
const newerSql = `select b.id, b.sha, b.service, b.pull_request_number as "pullRequest", b.result from build b
  where lower(b.repository) = lower($1) and b.id > $2 and b.trigger <> 'base_image' and (b.sha = $3 or b.pull_request_number = $4)
  order by b.id limit ${newerMax}`;
const bytesSql = `select i.service, before.bytes from image i join build own on own.id = i.build_id cross join lateral
    (select o.bytes from image o join build b on b.id = o.build_id
     where o.path = i.path and o.build_id < i.build_id and b.sha is distinct from own.sha order by o.build_id desc limit 1) as before
  where i.build_id = $1`;
const commentSql = `select r.told->'comment'->>'id' as id from report r join build b on b.id = r.build_id
  where r.kind = 'comment' and r.told ? 'comment' and r.repository = lower($1) and b.pull_request_number = $2
  order by r.changed_at desc limit 1`;

export async function lookAtSubject(pool: Pool, id: number): Promise<ReportSubject | null> {
  const build = await findBuild(pool, id);
  if (build === null) return null;
  const { repository, sha } = build;
  const number = build.pullRequest?.number ?? null;
  const [planned, newer, bytes, comment] = await Promise.all([
    pool.query<{ plan: readonly { readonly service: string }[] }>(plannedSql, [repository, id]),
    pool.query<Omit<NewerBuild, "id"> & { readonly id: string }>(newerSql, [repository, id, sha, number]),
    pool.query<{ service: string; bytes: string }>(bytesSql, [id]),
    number === null ? null : pool.query<{ id: string }>(commentSql, [repository, number]),
  ]);
  return {
    build,
    lastPlanned: (planned.rows[0]?.plan ?? []).map(({ service }) => service),
    newer: newer.rows.map((row) => ({ ...row, id: Number(row.id) })),
    bytesBefore: new Map(bytes.rows.map((row) => [row.service, Number(row.bytes)])),
    commentId: comment?.rows[0]?.id ?? null,
  };
}
