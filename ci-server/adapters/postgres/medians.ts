// How long the builds of a repository take: the median of its last successes.

import type { Pool } from "pg";

const sampleMax = 20;

/** Milliseconds by the repository's name in lower case; those without a success are missing. */
export async function findMedians(pool: Pool, repositories: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const names = [...new Set(repositories.map((name) => name.toLowerCase()))];
  if (names.length === 0) return new Map();
  const { rows } = await pool.query<{ name: string; ms: number }>(
    `select wanted.name, last.ms from unnest($1::text[]) as wanted(name) cross join lateral
       (select percentile_cont(0.5) within group (order by greatest(extract(epoch from finished_at - started_at), 0) * 1000) as ms
        from (select started_at, finished_at from build where lower(repository) = wanted.name and result = 'success'
          and started_at is not null and finished_at is not null order by id desc limit ${sampleMax}) as sample) as last
     where last.ms is not null`,
    [names],
  );
  return new Map(rows.map(({ name, ms }) => [name, Math.round(ms)]));
}
