// The statements on base images: which images to watch, whose turn it is to look, and the builds that a changed base asks for.

import type { Pool, PoolClient } from "pg";
import type { BuildRequest } from "../../core/build.ts";
import type { BaseRebuild, MadeImage, WatchedImage } from "../../core/ports.ts";
import type { BuildOrigin } from "./builds.ts";
import { transaction } from "./transaction.ts";

const watchedMax = 5_000;

/** The build that made it stands there, also where a later one found it made. */
export async function findMadeImage(pool: Pool, path: string, key: string): Promise<MadeImage | null> {
  const { rows } = await pool.query<{ buildId: string; digest: string; imageId: string }>(
    `select coalesce(reused_from, build_id) as "buildId", digest, image_id as "imageId" from image
     where path = $1 and key = $2 and removed_at is null order by build_id desc limit 1`,
    [path, key],
  );
  return rows[0] === undefined ? null : { ...rows[0], buildId: Number(rows[0].buildId) };
}

/**
 * Of each service on each branch the image of the newest merge; of that merge's builds the last one. A merge is as new as its
 * first build: one that was built again later is no newer for that.
 */
const watchedSql = `
  with first as (
    select lower(repository) as repository, sha, min(id) as id from build where lower(repository) = any($1) group by 1, 2)
  select * from (
    select distinct on (lower(b.repository), b.ref, i.service)
      b.id as "buildId", b.repository, b.repository_id as "repositoryId", b.sha, b.ref, b.pull_request as "pullRequest",
      b.delivery_guid as "deliveryGuid", i.service, i.path, i.bases
    from image i join build b on b.id = i.build_id
      join first on first.repository = lower(b.repository) and first.sha = b.sha
    where b.result = 'success' and b.pull_request is not null and b.ref is not null and i.removed_at is null
    order by lower(b.repository), b.ref, i.service, first.id desc, b.id desc) newest
  where jsonb_array_length(bases) > 0 order by random() limit ${watchedMax}`;

interface WatchedRow extends Omit<WatchedImage, "buildId" | "repositoryId"> {
  readonly buildId: string;
  readonly repositoryId: string | null;
}

export async function listWatchedImages(pool: Pool, repositories: readonly string[]): Promise<WatchedImage[]> {
  const names = repositories.map((name) => name.toLowerCase());
  const { rows } = await pool.query<WatchedRow>(watchedSql, [names]);
  return rows.map(({ buildId, repositoryId, ...rest }) => {
    return { ...rest, buildId: Number(buildId), repositoryId: repositoryId === null ? null : Number(repositoryId) };
  });
}

export async function claimBaseRound(pool: Pool, everySeconds: number): Promise<boolean> {
  const sql = `insert into base_round (id, begun_at) values (1, now()) on conflict (id) do update set begun_at = now()
    where base_round.begun_at <= now() - make_interval(secs => $1)`;
  return (await pool.query(sql, [everySeconds])).rowCount === 1;
}

type Enqueue = (client: PoolClient, request: BuildRequest, origin: BuildOrigin) => Promise<number>;

/** Whoever comes second with the same change waits for the first one to commit, and then finds its build. */
export function rebuildBase(pool: Pool, enqueue: Enqueue, rebuild: BaseRebuild): Promise<number | null> {
  const { image } = rebuild;
  return transaction(pool, async (client) => {
    const claimed = await claimChanges(client, rebuild);
    if (claimed === 0) return null;
    const id = await enqueue(client, toRequest(rebuild), { repositoryId: image.repositoryId, replay: false });
    const sql =
      "update base_rebuild set build_id = $4 where repository = $1 and ref = $2 and service = $3 and build_id = 0";
    await client.query(sql, [image.repository.toLowerCase(), image.ref, image.service, id]);
    return id;
  });
}

/** How many of the changes are new. A base that goes back to what it was is one again, once an image was made of the one between. */
async function claimChanges(client: PoolClient, { image, bases }: BaseRebuild): Promise<number> {
  let claimed = 0;
  for (const base of bases) {
    const { rowCount } = await client.query(
      `insert into base_rebuild (repository, ref, service, reference, digest, build_id) values ($1, $2, $3, $4, $5, 0)
       on conflict (repository, ref, service, reference, digest) do update set build_id = 0 where base_rebuild.build_id < $6`,
      [image.repository.toLowerCase(), image.ref, image.service, base.reference, base.digest, image.buildId],
    );
    claimed += rowCount ?? 0;
  }
  return claimed;
}

function toRequest({ image }: BaseRebuild): BuildRequest {
  const { repository, sha, ref, service, pullRequest, deliveryGuid } = image;
  return { repository, trigger: "base_image", sha, ref, service, version: null, pullRequest, deliveryGuid };
}
