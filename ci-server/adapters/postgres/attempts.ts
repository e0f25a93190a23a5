// The statements of a running attempt. Each takes effect while the attempt is the build's last one, and never after: a worker
// that was frozen and wakes finds that it has nothing to say any more.

import type { Pool, PoolClient, QueryResult } from "pg";
import type { Artifact, Attempt, AttemptKey, Build, Image, Stage } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import type { BuildEnd, EndedStage } from "../../core/ports.ts";
import { findBuild } from "./builds.ts";
import { changeChannel, notifyChanged } from "./changes.ts";
import { noteEnd } from "./ends.ts";

/** The build, if the attempt $2 is its last; locked until the statement ends, so that no next one begins meanwhile. */
export const mine = "mine as (select id from build where id = $1 and attempts = $2 for share)";

/** Counts the attempt and begins its stages with the time in the queue; a build that has ended is returned as it is. */
export async function beginAttempt(client: PoolClient, id: number, worker: string): Promise<Build | null> {
  const begun = await client.query(
    "update build set attempts = attempts + 1, started_at = coalesce(started_at, now()) where id = $1 and result is null",
    [id],
  );
  if (begun.rowCount === 1) {
    await client.query("delete from build_stage where build_id = $1", [id]);
    await client.query(
      "insert into build_attempt (build_id, attempt, worker) select id, attempts, $2 from build where id = $1",
      [id, worker],
    );
    await client.query(
      `insert into build_stage (build_id, name, started_at, ms, result)
       select id, 'queued', created_at, extract(epoch from started_at - created_at) * 1000, 'success' from build where id = $1`,
      [id],
    );
  }
  return findBuild(client, id);
}

export async function listAttempts(pool: Pool, id: number): Promise<Attempt[]> {
  const { rows } = await pool.query<Attempt>(
    `select attempt, worker, started_at as "startedAt", stage, outcome from build_attempt where build_id = $1 order by attempt`,
    [id],
  );
  return rows;
}

/** With the end of the stage before it, where there is one: one commit for both. */
export async function startStage(
  pool: Pool,
  at: AttemptKey,
  stage: Stage,
  before: EndedStage | null = null,
): Promise<void> {
  await run(
    pool,
    at,
    `with ${mine},
       noted as (update build_attempt set stage = $3 from mine where build_id = mine.id and attempt = $2),
       ended as (update build_stage set ms = $5, result = $6 from mine where build_id = mine.id and name = $4),
       begun as (insert into build_stage (build_id, name) select id, $3 from mine
         on conflict (build_id, name) do update set started_at = now(), ms = null, result = null returning build_id)
     select pg_notify('${changeChannel}', build_id::text) from begun`,
    [stage, before?.stage ?? null, before?.ms ?? null, before?.result ?? null],
  );
}

export async function endStage(pool: Pool, at: AttemptKey, { stage, ms, result }: EndedStage): Promise<void> {
  await run(
    pool,
    at,
    `with ${mine},
       ended as (update build_stage set ms = $4, result = $5 from mine where build_id = mine.id and name = $3 returning build_id)
     select pg_notify('${changeChannel}', build_id::text) from ended`,
    [stage, ms, result],
  );
}

export async function resolveSha(pool: Pool, at: AttemptKey, sha: string): Promise<void> {
  await run(pool, at, "update build set sha = $3 where id = $1 and attempts = $2", [sha]);
}

export async function keepArtifact(pool: Pool, at: AttemptKey, artifact: Artifact): Promise<void> {
  const { service, recipe, imageId, tag } = artifact;
  await run(
    pool,
    at,
    `with ${mine} insert into artifact (build_id, service, recipe, image_id, tag) select id, $3, $4, $5, $6 from mine
       on conflict (build_id, service) do update set recipe = excluded.recipe, image_id = excluded.image_id, tag = excluded.tag`,
    [service, recipe, imageId, tag],
  );
}

export async function listArtifacts(pool: Pool, id: number): Promise<Artifact[]> {
  const { rows } = await pool.query<Artifact>(
    `select service, recipe, image_id as "imageId", tag from artifact where build_id = $1`,
    [id],
  );
  return rows;
}

export async function giveBack(pool: Pool, at: AttemptKey): Promise<void> {
  await run(
    pool,
    at,
    `with ${mine} update build_attempt set outcome = 'given_back' from mine where build_id = mine.id and attempt = $2`,
  );
}

/** To be run in one transaction. */
export async function finishBuild(client: PoolClient, { buildId, attempt }: AttemptKey, end: BuildEnd): Promise<void> {
  const failure = end.failure === null ? null : JSON.stringify(end.failure);
  const ended = await client.query(
    "update build set result = $3, failure = $4, finished_at = now() where id = $1 and attempts = $2 and result is null",
    [buildId, attempt, end.result, failure],
  );
  if (ended.rowCount === 0) {
    const { rows } = await client.query("select from build where id = $1 and result is null", [buildId]);
    if (rows.length > 0) throw takenOver({ buildId, attempt });
    return;
  }
  await client.query("update build_attempt set outcome = 'ended' where build_id = $1 and attempt = $2", [
    buildId,
    attempt,
  ]);
  for (const image of end.images) await insertImage(client, buildId, image);
  await client.query(noteEnd, [buildId]);
  await client.query(notifyChanged, [String(buildId)]);
}

async function insertImage(client: PoolClient, id: number, image: Image): Promise<void> {
  await client.query(
    `insert into image (build_id, service, reference, path, digest, tags, bytes, image_id, key, reused_from, bases, destinations, attestations, fixed_tags)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
    [
      ...[id, image.service, image.reference, image.path, image.digest, image.tags, image.bytes, image.imageId],
      ...[
        image.key,
        image.reusedFrom,
        ...[image.bases, image.destinations, image.attestations].map((list) => JSON.stringify(list)),
        image.fixedTags,
      ],
    ],
  );
}

/** `sql` has the build's id as $1 and the attempt as $2, and touches a row exactly when the attempt is the last. */
export async function run(
  pool: Pool | PoolClient,
  { buildId, attempt }: AttemptKey,
  sql: string,
  values: readonly unknown[] = [],
): Promise<void> {
  const { rowCount }: QueryResult = await pool.query(sql, [buildId, attempt, ...values]);
  if (rowCount === 0) throw takenOver({ buildId, attempt });
}

function takenOver({ buildId, attempt }: AttemptKey): AppError {
  return new AppError("conflict", `attempt ${attempt} of build ${buildId} was taken over by a later one`);
}
