// The statements on what was planned: on the build, in the ledger entry of its delivery, and what the next builds take from it.

import type { Pool, PoolClient } from "pg";
import type { AttemptKey, Build } from "../../core/build.ts";
import type { PlanRecord, ServiceImage } from "../../core/ports.ts";
import type { RepositoryAbout } from "../../core/repository-about.ts";
import { run } from "./attempts.ts";
import { updateEntry } from "./merges.ts";
import { rememberSetting } from "./repository-settings.ts";
import { supersededBy } from "./steering.ts";

/** To be run in one transaction. */
export async function insertPlan(client: PoolClient, at: AttemptKey, record: PlanRecord): Promise<void> {
  const { services, rule, refusal, setting } = record;
  const sql = `update build set plan = $3, skip_reason = coalesce($4, skip_reason)
    where id = $1 and attempts = $2 and result is null`;
  await run(client, at, sql, [JSON.stringify(services), refusal]);
  if (rule !== null) await updateEntry(client, at.buildId, { rule, refusal });
  if (setting !== null) await rememberSetting(client, at.buildId, setting);
}

export async function listSuperseded(pool: Pool, id: number): Promise<number[]> {
  const { rows } = await pool.query<{ id: string }>(
    "select id from build where result = 'cancellation' and failure->>'message' = $1 order by id",
    [supersededBy(id)],
  );
  return rows.map((row) => Number(row.id));
}

/**
 * A build that was to make a service and did not has left it behind the branch: then there is none. So has one that was never
 * planned, since nobody knows what it was to make. A commit is as new as its first build on the branch, however often it is
 * built again: what was made of later commits is not for it. One that was not built on the branch before is the newest.
 */
export async function listServiceImages(
  pool: Pool,
  { id, repository, ref, sha }: Build,
  services: readonly string[],
): Promise<ServiceImage[]> {
  if (services.length === 0) return [];
  const { rows } = await pool.query<Omit<ServiceImage, "buildId"> & { readonly buildId: string }>(
    `with branch as (
       select id, service, plan, result, min(id) over (partition by coalesce(sha, id::text)) as first
       from build where lower(repository) = lower($1) and ref = $2 and id < $3),
     own as (select coalesce(min(id), $3) as first from build where lower(repository) = lower($1) and ref = $2 and sha = $5)
     select i.service, i.build_id as "buildId", i.path, i.digest
     from unnest($4::text[]) as wanted(service)
       cross join lateral (select id from branch
         where first <= (select own.first from own)
           and (plan @> jsonb_build_array(jsonb_build_object('service', wanted.service, 'verdict', 'build'))
             or plan is null and result is distinct from 'skip' and coalesce(branch.service, wanted.service) = wanted.service)
         order by first desc, id desc limit 1) as last
       join image i on i.build_id = last.id and i.service = wanted.service
     where i.path <> '' and i.removed_at is null`,
    [repository, ref, id, services, sha],
  );
  return rows.map((row) => ({ ...row, buildId: Number(row.buildId) }));
}

/** Read backwards by the index of a repository's builds: the first one of a merge has it. */
export async function findRepositoryAbout(pool: Pool, repository: string): Promise<RepositoryAbout | null> {
  const { rows } = await pool.query<{ about: RepositoryAbout }>(
    `select pull_request->'repository' as about from build
     where lower(repository) = lower($1) and pull_request ? 'repository' order by id desc limit 1`,
    [repository],
  );
  return rows[0]?.about ?? null;
}

export async function listRepositoriesWith(pool: Pool, service: string): Promise<string[]> {
  const { rows } = await pool.query<{ repository: string }>(
    "select distinct b.repository from image i join build b on b.id = i.build_id where i.service = $1",
    [service],
  );
  return rows.map(({ repository }) => repository);
}
