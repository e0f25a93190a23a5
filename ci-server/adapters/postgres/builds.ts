// The statements on builds as they are asked for and looked at; attempts.ts has those of a running one.

import type { Pool, PoolClient } from "pg";
import type { Build, BuildRequest, BuildState, Failure, StageRecord, StoredImage } from "../../core/build.ts";
import { kindOfCode } from "../../core/explain-failure.ts";
import type { BuildPage } from "../../core/ports.ts";

interface BuildRow extends Record<string, unknown> {
  readonly id: string;
}

const columns = `b.id, b.repository, b.trigger, b.sha, b.ref, b.service, b.version, b.pull_request as "pullRequest",
  b.delivery_guid as "deliveryGuid", b.created_at as "createdAt", b.started_at as "startedAt", b.finished_at as "finishedAt",
  b.attempts, b.no_cache as "noCache", b.cancel_reason as "cancelReason", b.merge, b.skip_reason as "skipReason", b.plan, b.result, b.failure,
  b.log_removed_at as "logRemovedAt",
  coalesce((select json_agg(json_build_object('name', s.name, 'startedAt', s.started_at, 'ms', s.ms, 'result', s.result) order by s.started_at)
    from build_stage s where s.build_id = b.id), '[]') as stages,
  coalesce((select json_agg(json_build_object('service', i.service, 'reference', i.reference, 'path', i.path, 'digest', i.digest, 'tags', i.tags, 'fixedTags', i.fixed_tags,
    'bytes', i.bytes, 'imageId', i.image_id, 'key', i.key, 'reusedFrom', i.reused_from, 'bases', i.bases, 'destinations', i.destinations, 'attestations', i.attestations,
    'removedAt', i.removed_at)
    order by i.service) from image i where i.build_id = b.id), '[]') as images`;

/** What identifies a merge beside the request; a replay is a further build of one. */
export interface BuildOrigin {
  readonly repositoryId: number | null;
  readonly replay: boolean;
}

/** A build that was asked for by hand, or again; batch-writes.ts has those of deliveries. Returns its id. */
export async function insertBuild(
  client: PoolClient,
  request: BuildRequest,
  { repositoryId, replay }: BuildOrigin,
): Promise<number> {
  const values = [
    request.repository,
    request.trigger,
    request.sha,
    request.ref,
    request.service,
    request.version,
    repositoryId,
    request.pullRequest?.number ?? null,
    request.pullRequest === null ? null : JSON.stringify(request.pullRequest),
    request.deliveryGuid,
    replay,
    request.noCache === true,
  ];
  const { rows } = await client.query<{ id: string }>(
    `insert into build (repository, trigger, sha, ref, service, version, repository_id, pull_request_number, pull_request, delivery_guid, replay, no_cache)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) returning id`,
    values,
  );
  return Number(rows[0]?.id);
}

export async function findBuild(pool: Pool | PoolClient, id: number): Promise<Build | null> {
  const { rows } = await pool.query<BuildRow>(`select ${columns} from build b where b.id = $1`, [id]);
  return rows[0] === undefined ? null : toBuild(rows[0]);
}

export async function findCancelReason(pool: Pool, id: number): Promise<string | null> {
  const { rows } = await pool.query<{ reason: string | null }>(
    "select cancel_reason as reason from build where id = $1",
    [id],
  );
  return rows[0]?.reason ?? null;
}

export async function listBuilds(pool: Pool, page: BuildPage): Promise<Build[]> {
  const { repository, before, limit, result = null, trigger = null, service = null, state = null } = page;
  const conditions = [
    "($1::text is null or lower(b.repository) = lower($1)) and ($2::bigint is null or b.id < $2)",
    "($4::text is null or b.result = $4) and ($5::text is null or b.trigger = $5)",
    ...(state === null ? [] : [stateConditions[state]]),
  ].join(" and ");
  const of = service === null ? conditions : `b.id in (${ofServiceSql(conditions)})`;
  const { rows } = await pool.query<BuildRow>(
    `select ${columns} from build b where ${of} order by b.id desc limit $3`,
    [...[repository, before, limit, result, trigger], ...(service === null ? [] : [service])],
  );
  return rows.map(toBuild);
}

/** A page of each of those that were asked for it, have begun to make it, and have made it: each by an index of its own. */
function ofServiceSql(conditions: string): string {
  const sources = ["build_step", "image"].map(
    (table) => `select made.build_id as id from ${table} made join build b on b.id = made.build_id
      where made.service = $6::text and ${conditions} order by made.build_id desc limit $3`,
  );
  const asked = `select b.id from build b where b.service = $6::text and ${conditions} order by b.id desc limit $3`;
  return [asked, ...sources].map((one) => `(${one})`).join(" union ");
}

const hasOpenStage = "exists (select 1 from build_stage s where s.build_id = b.id and s.result is null)";
const stateConditions: Readonly<Record<BuildState, string>> = {
  queued: `b.result is null and not ${hasOpenStage}`,
  running: `b.result is null and ${hasOpenStage}`,
  ended: "b.result is not null",
};

/** In no order; those that are there. */
export async function findBuilds(pool: Pool, ids: readonly number[]): Promise<Build[]> {
  if (ids.length === 0) return [];
  const { rows } = await pool.query<BuildRow>(`select ${columns} from build b where b.id = any($1::bigint[])`, [ids]);
  return rows.map(toBuild);
}

function toBuild(row: BuildRow): Build {
  const stages = row.stages as readonly (Omit<StageRecord, "startedAt"> & { startedAt: string })[]; // json has no dates
  const images = row.images as readonly (Omit<StoredImage, "removedAt"> & { removedAt: string | null })[]; // the same
  return {
    // The columns bear the names of Build's fields, and only this module writes them.
    ...(row as unknown as Build),
    id: Number(row.id),
    failure: toFailure(row.failure),
    stages: stages.map((stage) => ({ ...stage, startedAt: new Date(stage.startedAt) })),
    images: images.map(({ removedAt, ...image }) => ({
      ...image,
      removedAt: removedAt === null ? null : new Date(removedAt),
    })),
  };
}

function toFailure(stored: unknown): Failure | null {
  if (stored === null) return null;
  // Only finishBuild and supersede write it; an earlier version wrote a code and a message.
  const failure = stored as Pick<Failure, "code" | "message"> & Partial<Failure>;
  return { kind: kindOfCode(failure.code), service: null, step: null, lastLines: [], hint: null, ...failure };
}
