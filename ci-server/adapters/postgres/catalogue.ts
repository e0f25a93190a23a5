// The Catalogue on PostgreSQL: what there is, for people to look at.

import type { Pool } from "pg";
import type { RepositoryState, Totals } from "../../core/catalogue.ts";
import { countMax, testGuidPrefix } from "../../core/catalogue.ts";
import type { Catalogue } from "../../core/ports.ts";
import { findBuilds } from "./builds.ts";
import { findImage, listImages, listVersions } from "./catalogue-images.ts";
import { findMedians } from "./medians.ts";
import { withDatabaseErrors } from "./store.ts";

const isOfForge = `d.guid not like '${testGuidPrefix}%'`;
const isRunning = "exists (select 1 from build_stage s where s.build_id = b.id and s.result is null)";
const openCounts = `count(*) filter (where not ${isRunning})::int as queued, count(*) filter (where ${isRunning})::int as running`;

export function createCatalogue(pool: Pool): Catalogue {
  return withDatabaseErrors<Catalogue>({
    images: (page) => listImages(pool, page),
    image: (path) => findImage(pool, path),
    versions: (path, page) => listVersions(pool, path, page),
    repositories: (names) => listRepositories(pool, names),
    totals: () => readTotals(pool),
    medianMs: async (repository) => (await findMedians(pool, [repository])).get(repository.toLowerCase()) ?? null,
    aheadOf: (buildId) => countAhead(pool, buildId),
  });
}

interface RepositoryRow extends Pick<RepositoryState, "name" | "lastDeliveryAt" | "lastPingAt" | "queued" | "running"> {
  readonly lastBuild: string | null;
  readonly plan: readonly { readonly service: string }[] | null;
}

async function listRepositories(pool: Pool, names: readonly string[]): Promise<RepositoryState[]> {
  const { rows } = await pool.query<RepositoryRow>(
    `select wanted.name, last.id as "lastBuild", planned.plan, delivered.at as "lastDeliveryAt", pinged.at as "lastPingAt",
       open.queued, open.running
     from unnest($1::text[]) with ordinality as wanted(name, place)
       left join lateral (select b.id from build b where lower(b.repository) = lower(wanted.name) order by b.id desc limit 1) as last on true
       left join lateral (select b.plan from build b where lower(b.repository) = lower(wanted.name) and b.plan is not null
         and b.id > last.id - 1000 order by b.id desc limit 1) as planned on true
       left join lateral (select d.received_at as at from delivery d where lower(d.repository) = lower(wanted.name) and ${isOfForge}
         order by d.id desc limit 1) as delivered on true
       left join lateral (select d.received_at as at from delivery d where d.name = 'ping' and d.name <> 'pull_request'
         and lower(d.repository) = lower(wanted.name) and ${isOfForge} order by d.id desc limit 1) as pinged on true
       cross join lateral (select ${openCounts} from build b where b.result is null and lower(b.repository) = lower(wanted.name)) as open
     order by wanted.place`,
    [names],
  );
  const ids = rows.flatMap(({ lastBuild }) => (lastBuild === null ? [] : [Number(lastBuild)]));
  const [builds, medians] = await Promise.all([findBuilds(pool, ids), findMedians(pool, names)]);
  return rows.map(({ lastBuild, plan, ...row }) => ({
    ...row,
    lastBuild: builds.find(({ id }) => id === Number(lastBuild)) ?? null,
    plannedServices: (plan ?? []).map(({ service }) => service),
    medianMs: medians.get(row.name.toLowerCase()) ?? null,
  }));
}

interface TotalsRow extends Omit<Totals, "lastRefusal"> {
  readonly refusedAt: Date | null;
  readonly refusedFor: string | null;
}

async function readTotals(pool: Pool): Promise<Totals> {
  const { rows } = await pool.query<TotalsRow>(
    `select (select count(*)::int from (select 1 from build limit ${countMax}) as counted) as builds, open.queued, open.running,
       (select d.received_at from delivery d where ${isOfForge} order by d.id desc limit 1) as "lastDeliveryAt",
       (select d.received_at from delivery d where d.name = 'ping' and d.name <> 'pull_request' and ${isOfForge}
         order by d.id desc limit 1) as "lastPingAt", refused.at as "refusedAt", refused.reason as "refusedFor"
     from (select ${openCounts} from build b where b.result is null) as open
       left join (select r.at, r.reason from refused_delivery r order by r.id desc limit 1) as refused on true`,
  );
  const [row] = rows;
  if (row === undefined)
    return { builds: 0, queued: 0, running: 0, lastDeliveryAt: null, lastPingAt: null, lastRefusal: null };
  const { refusedAt, refusedFor, ...totals } = row;
  return { ...totals, lastRefusal: refusedAt === null ? null : { at: refusedAt, reason: refusedFor ?? "" } };
}

async function countAhead(pool: Pool, buildId: number): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(
    `select count(*)::int as count from build b join build own on own.id = $1
     where b.result is null and b.repository = own.repository and b.id < own.id`,
    [buildId],
  );
  return rows[0]?.count ?? 0;
}
