// The statements of pruning: what the history knows of images, builds and logs, and what is taken out of it.

import type { Pool } from "pg";
import type { ImageKey, OldLog, PruneRecord } from "../../core/ports.ts";
import type { NumberedBuild, RecordedImage, RunningImage } from "../../core/registry-stock.ts";
import { withDatabaseErrors } from "./store.ts";
import { transaction } from "./transaction.ts";

// One prune at a time, whichever process it runs in; any constant will do.
const lockKey = 7_310_009;
/** Builds whose logs go in one statement. */
const logsMax = 100;
/** What a reporter has said counts for so long after it was last heard of. */
const runningDays = 30;

export function createPruneRecord(pool: Pool): PruneRecord {
  async function list<T extends object>(sql: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await pool.query<T>(sql, [...values])).rows;
  }
  return withDatabaseErrors<PruneRecord>({
    alone: (work) => alone(pool, work),
    paths: async () => (await list<{ path: string }>(paths)).map(({ path }) => path),
    images: async (path) => (await list<ImageRow>(imagesOfPath, [path])).map(toImage),
    builds: async (ids) => (await list<BuildRow>(buildsOf, [ids])).map(withNumber),
    knownImageIds: async (ids) => new Set((await list<{ id: string }>(knownIds, [ids])).map(({ id }) => id)),
    running: () => list<RunningImage>(running, [runningDays]),
    reportRunning: (reporter, images) => reportRunning(pool, reporter, images),
    isBuilding: async (repository) => (await list(building, [repository])).length > 0,
    beginRemoval: (image, builds) => beginRemoval(pool, image, builds),
    async endRemoval({ path, digest }) {
      await pool.query(endRemoval, [path, digest]);
    },
    async undoRemoval({ path, digest }) {
      await pool.query(undoRemoval, [path, digest]);
    },
    async oldLogs(daysMax, limit) {
      const [count] = await list<{ total: string }>(`select count(*) as total from build b where ${isOldLog}`, [
        daysMax,
      ]);
      const rows = await list<LogRow>(`${oldLogs} limit $2`, [daysMax, limit]);
      return { logs: rows.map(toLog), total: Number(count?.total) };
    },
    removeOldLogs: async (daysMax) => (await list<LogRow>(removeLogs, [daysMax, logsMax])).map(toLog),
  });
}

// Images of an earlier version have no path: nothing is known of where they are.
const isThere = "(i.removed_at is null or i.is_leaving) and i.path <> ''";
const paths = `select distinct i.path from image i where ${isThere} order by i.path`;
const imagesOfPath = `select i.build_id as "buildId", b.repository, b.ref, i.service, i.path, i.digest, i.image_id as "imageId", i.tags, i.fixed_tags as "fixedTags",
    i.bytes, coalesce(b.finished_at, b.created_at) as "pushedAt", i.is_leaving as "isLeaving"
  from image i join build b on b.id = i.build_id where i.path = $1 and ${isThere} order by i.build_id`;
const buildsOf = `select id, repository, case when result is not null then coalesce(finished_at, created_at) end as "endedAt"
  from build where id = any($1)`;
const knownIds = `select image_id as id from image where image_id = any($1)
  union select image_id from artifact where image_id = any($1)`;
const running = `select id, min(place) as "where" from running_image where seen_at > now() - make_interval(days => $1) group by id`;
const building = "select from build where lower(repository) = lower($1) and result is null and attempts > 0 limit 1";
const beginning = `update image set removed_at = coalesce(removed_at, now()), is_leaving = true
  where path = $1 and digest = $2 and build_id = any($3) and (removed_at is null or is_leaving)`;
const endRemoval = "update image set is_leaving = false where path = $1 and digest = $2 and is_leaving";
const undoRemoval =
  "update image set removed_at = null, is_leaving = false where path = $1 and digest = $2 and is_leaving";
const isOldLog = "b.log_removed_at is null and b.finished_at < now() - make_interval(days => $1)";
const oldLogs = `select b.id as "buildId", b.repository, b.finished_at as "finishedAt" from build b where ${isOldLog} order by b.finished_at`;
const removeLogs = `with old as (${oldLogs} limit $2 for update skip locked),
  lines as (delete from log_chunk where build_id in (select "buildId" from old)),
  steps as (delete from build_step where build_id in (select "buildId" from old)),
  artifacts as (delete from artifact where build_id in (select "buildId" from old)),
  noted as (update build set log_removed_at = now() where id in (select "buildId" from old))
  select * from old`;

type ImageRow = Omit<RecordedImage, "buildId" | "bytes"> & { readonly buildId: string; readonly bytes: string };
type BuildRow = Omit<NumberedBuild, "id"> & { readonly id: string };
type LogRow = Omit<OldLog, "buildId"> & { readonly buildId: string };

function toImage(row: ImageRow): RecordedImage {
  return { ...row, buildId: Number(row.buildId), bytes: Number(row.bytes) };
}

function withNumber(row: BuildRow): NumberedBuild {
  return { ...row, id: Number(row.id) };
}

function toLog(row: LogRow): OldLog {
  return { ...row, buildId: Number(row.buildId) };
}

/** The lock is the connection's: it ends with it, also when this process is killed. */
async function alone<T>(pool: Pool, work: () => Promise<T>): Promise<T | null> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const note = (error: Error) => {
    broken = error;
  };
  client.on("error", note);
  try {
    const { rows } = await client.query<{ free: boolean }>("select pg_try_advisory_lock($1) as free", [lockKey]);
    if (rows[0]?.free !== true) return null;
    try {
      return await work();
    } finally {
      await client.query("select pg_advisory_unlock($1)", [lockKey]).catch(note);
    }
  } finally {
    client.off("error", note);
    client.release(broken);
  }
}

async function reportRunning(pool: Pool, reporter: string, images: readonly RunningImage[]): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query("delete from running_image where reporter = $1", [reporter]);
    await client.query(
      `insert into running_image (reporter, id, place)
       select distinct on (id) $1, id, place from unnest($2::text[], $3::text[]) as seen (id, place)`,
      [reporter, images.map(({ id }) => id), images.map(({ where }) => where)],
    );
  });
}

/**
 * First it is taken out of the history, then it is asked whether a build runs: one that begins later does not find it, and
 * one that ran then may have chosen it, or has put it into the history anew.
 */
async function beginRemoval(
  pool: Pool,
  { repository, path, digest }: ImageKey,
  builds: readonly number[],
): Promise<boolean> {
  await pool.query(beginning, [path, digest, builds]);
  const { rows } = await pool.query(
    `select where exists (${building}) or exists (select from image where path = $2 and digest = $3 and removed_at is null)`,
    [repository, path, digest],
  );
  if (rows.length === 0) return true;
  await pool.query(undoRemoval, [path, digest]);
  return false;
}
