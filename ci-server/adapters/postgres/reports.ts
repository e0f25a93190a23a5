// The statements on reports: due where a build is not as it was last told of, sent line by line, kept with their builds.

import type { Pool, PoolClient } from "pg";
import { AppError } from "../../core/errors.ts";
import type { DueReport, NewBuild, ReportLine, ReportStore } from "../../core/ports.ts";
import { changeChannel } from "./changes.ts";
import { failingReports, keySql, listReports, reportsOfBuild } from "./report-lists.ts";
import { lookAtSubject } from "./report-subject.ts";
import { withDatabaseErrors } from "./store.ts";
import { transaction } from "./transaction.ts";

const newSql = `update build set reports_made = true
  where id in (select id from build where not reports_made order by id limit $1 for update skip locked)
  returning id, repository, trigger, pull_request as "pullRequest",
    finished_at is not null and finished_at < now() - make_interval(hours => $2) as "isOld"`;
const insertLineSql = `insert into report_line (repository) select unnest($1::text[]) order by 1 on conflict do nothing`;
const insertSql = `insert into report (build_id, kind, repository)
  select * from unnest($1::bigint[], $2::text[], $3::text[]) on conflict do nothing`;

const isOpen = `r.due_at is not null and r.seen is distinct from ${keySql}`;
const claimSql = `update report_line set leased_until = now() + make_interval(secs => $1), lease = gen_random_uuid()
  where repository = (select l.repository from report_line l where l.leased_until <= now() and l.paused_until <= now()
    and exists (select from report r join build b on b.id = r.build_id
      where r.repository = l.repository and r.due_at <= now() and ${isOpen})
    order by l.leased_until limit 1 for update skip locked)
  returning repository, lease`;
const dueMsSql = `select extract(epoch from min(greatest(r.due_at, l.paused_until, l.leased_until)) - now())::float8 * 1000 as ms
  from report r join build b on b.id = r.build_id join report_line l on l.repository = r.repository where ${isOpen}`;

/** The line, if the lease $2 is its last; locked until the statement ends. */
const mine = "mine as (select repository from report_line where repository = $1 and lease = $2 for update)";
const renewSql = `update report_line set leased_until = now() + make_interval(secs => $3)
  where repository = $1 and lease = $2 and paused_until <= now()`;
const nextSql = `update report r set attempts = r.attempts + 1 from build b
  where b.id = r.build_id and (r.build_id, r.kind) = (select r.build_id, r.kind from report r join build b on b.id = r.build_id
    where r.repository = $1 and r.due_at <= now() and ${isOpen} order by r.build_id, array_position($2::text[], r.kind) limit 1)
  returning r.build_id as "buildId", r.kind, r.attempts, r.told, ${keySql} as key`;
const keepSql = `with ${mine} update report r set told = $5, changed_at = now() from mine where r.build_id = $3 and r.kind = $4`;
const toldSql = `with ${mine} update report r set seen = $5, problem = null, is_refused = false, attempts = 0, changed_at = now(),
    due_at = case when $6 and $5 = (select ${keySql} from build b where b.id = r.build_id) then null else now() end from mine where r.build_id = $3 and r.kind = $4`;
const failedSql = `with ${mine}, paused as (update report_line l set paused_until = now() + make_interval(secs => $8::float8 / 1000), problem = $5
    from mine where l.repository = mine.repository and $8 > 0),
  failed as (update report r set problem = $5, is_refused = $6, due_at = now() + make_interval(secs => $7::float8 / 1000), changed_at = now()
    from mine where r.build_id = $3 and r.kind = $4 returning r.build_id)
  select pg_notify('${changeChannel}', build_id::text) from failed`;
const releaseSql = "update report_line set leased_until = now(), lease = null where repository = $1 and lease = $2";
const giveUpSql = `update report r set due_at = null, changed_at = now(), problem = coalesce(problem, 'nobody could tell it: is the repository still configured, and its forge up?')
  from build b where b.id = r.build_id and ${isOpen} and b.finished_at < now() - make_interval(hours => $1)`;

/** In the order in which a build's are sent. */
const kindOrder = ["status", "check", "comment"];

export function createReportStore(pool: Pool): ReportStore {
  const ofLine = async ({ repository, lease }: ReportLine, sql: string, values: readonly unknown[]) => {
    const { rowCount } = await pool.query(sql, [repository, lease, ...values]);
    if (rowCount === 0) throw new AppError("conflict", `the reports of ${repository} were taken over by somebody else`);
  };
  return withDatabaseErrors<ReportStore>({
    takeUp: (given) => transaction(pool, (client) => takeUp(client, given)),
    async claim(seconds) {
      return (await pool.query<ReportLine>(claimSql, [seconds])).rows[0] ?? null;
    },
    async next(line, seconds) {
      const { rowCount } = await pool.query(renewSql, [line.repository, line.lease, seconds]);
      if (rowCount === 0) return null;
      const { rows } = await pool.query<DueReport>(nextSql, [line.repository, kindOrder]);
      return rows[0] === undefined ? null : { ...rows[0], buildId: Number(rows[0].buildId) };
    },
    look: ({ buildId }) => lookAtSubject(pool, buildId),
    keep: (line, { buildId, kind }, told) => ofLine(line, keepSql, [buildId, kind, JSON.stringify(told)]),
    told: (line, { buildId, kind, key }, isOver) => ofLine(line, toldSql, [buildId, kind, key, isOver]),
    failed: (line, { buildId, kind }, { problem, isRefused, retryMs, pauseMs }) =>
      ofLine(line, failedSql, [buildId, kind, problem, isRefused, retryMs, pauseMs]),
    async release({ repository, lease }) {
      await pool.query(releaseSql, [repository, lease]);
    },
    async nextDueMs() {
      return (await pool.query<{ ms: number | null }>(dueMsSql)).rows[0]?.ms ?? null;
    },
    async giveUp(hoursMax) {
      return (await pool.query(giveUpSql, [hoursMax])).rowCount ?? 0;
    },
    list: (page) => listReports(pool, page),
    ofBuild: (buildId) => reportsOfBuild(pool, buildId),
    failing: (hours) => failingReports(pool, hours),
  });
}

type NewRow = Omit<NewBuild, "id"> & { readonly id: string; readonly isOld: boolean };

async function takeUp(
  client: PoolClient,
  { kindsOf, hoursMax, limit }: Parameters<ReportStore["takeUp"]>[0],
): Promise<number> {
  const { rows } = await client.query<NewRow>(newSql, [limit, hoursMax]);
  const wanted = rows.flatMap(({ isOld, ...row }) =>
    isOld ? [] : kindsOf({ ...row, id: Number(row.id) }).map((kind) => ({ kind, id: row.id, name: row.repository })),
  );
  if (wanted.length === 0) return rows.length;
  const names = wanted.map(({ name }) => name.toLowerCase());
  await client.query(insertLineSql, [[...new Set(names)]]);
  await client.query(insertSql, [wanted.map(({ id }) => id), wanted.map(({ kind }) => kind), names]);
  return rows.length;
}
