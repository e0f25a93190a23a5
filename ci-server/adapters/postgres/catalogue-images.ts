// The statements on images by their repository path. A path's images are read newest first, a bounded number of them.

import type { Pool } from "pg";
import { type ImagePage, type ImageSummary, type VersionEntry, versionsMax } from "../../core/catalogue.ts";
import { escaped } from "./activity-search.ts";
import { transaction } from "./transaction.ts";

const isKept = "i.removed_at is null and not i.is_leaving";

// From path to path by the index image_kept: however many images one has, it costs one step.
const allPaths = `with recursive path as (
    (select i.path from image i where i.path <> '' and ${isKept} order by i.path limit 1)
    union all
    select (select i.path from image i where i.path > path.path and ${isKept} order by i.path limit 1)
    from path where path.path is not null)`;
const onePath = "with path as (select $1::text as path)";

const newestOf = `select path.path, b.repository, newest.service, newest.build_id as "buildId", newest.digest, newest.reference,
    newest.tags, newest.bytes, b.created_at as "createdAt"
  from path cross join lateral
    (select i.build_id, i.service, i.digest, i.reference, i.tags, i.bytes from image i where i.path = path.path and ${isKept}
     order by i.build_id desc limit 1) as newest
    join build b on b.id = newest.build_id`;

interface NewestRow extends Pick<ImageSummary, "path" | "repository" | "service"> {
  readonly buildId: string;
  readonly digest: string;
  readonly reference: string;
  readonly tags: readonly string[];
  readonly bytes: string;
  readonly createdAt: Date;
}

export async function listImages(pool: Pool, page: ImagePage): Promise<ImageSummary[]> {
  const { repository, q, before, limit } = page;
  const { rows } = await pool.query<NewestRow>(
    `${allPaths} ${newestOf}
     where ($1::text is null or lower(b.repository) = lower($1)) and ($2::text is null or path.path ilike $2)
       and ($3::bigint is null or newest.build_id < $3 or newest.build_id = $3 and path.path > $4)
     order by newest.build_id desc, path.path limit $5`,
    [repository, q === null ? null : `%${escaped(q)}%`, before?.buildId ?? null, before?.path ?? null, limit],
  );
  return withCounts(pool, rows);
}

export async function findImage(pool: Pool, path: string): Promise<ImageSummary | null> {
  const { rows } = await pool.query<NewestRow>(`${onePath} ${newestOf}`, [path]);
  return (await withCounts(pool, rows))[0] ?? null;
}

type CountsRow = Pick<ImageSummary, "path" | "tags" | "builds">;

async function withCounts(pool: Pool, rows: readonly NewestRow[]): Promise<ImageSummary[]> {
  const sql = `select wanted.path, count(distinct recent.build_id)::int as builds, count(distinct tag)::int as tags
     from unnest($1::text[]) as wanted(path) cross join lateral
       (select i.build_id, i.tags from image i where i.path = wanted.path and ${isKept} order by i.build_id desc limit ${versionsMax}) as recent
       left join lateral unnest(recent.tags) as tag on true
     group by wanted.path`;
  const { rows: counts } = await transaction(pool, async (client) => {
    // The planner takes a path for one of average size, and would rather sort all of a large one than read its newest by the index.
    await client.query("set local enable_bitmapscan = off; set local enable_seqscan = off");
    return client.query<CountsRow>(sql, [rows.map(({ path }) => path)]);
  });
  const byPath = new Map(counts.map((row) => [row.path, row]));
  return rows.map(({ path, repository, service, ...newest }) => ({
    ...{ path, repository, service, tags: byPath.get(path)?.tags ?? 0, builds: byPath.get(path)?.builds ?? 0 },
    newest: { ...newest, buildId: Number(newest.buildId), bytes: Number(newest.bytes) },
  }));
}

interface VersionRow extends Omit<VersionEntry, "buildId" | "bytes" | "bytesBefore" | "reusedFrom"> {
  readonly buildId: string;
  readonly fixedTags: readonly string[];
  readonly bytes: string;
  readonly bytesBefore: string | null;
  readonly reusedFrom: string | null;
}

export async function listVersions(
  pool: Pool,
  path: string,
  { before, limit }: { readonly before: number | null; readonly limit: number },
): Promise<VersionEntry[]> {
  const { rows } = await pool.query<VersionRow>(
    `select i.build_id as "buildId", i.digest, i.reference, i.tags, i.fixed_tags as "fixedTags", i.bytes,
       i.reused_from as "reusedFrom", i.removed_at as "removedAt", b.created_at as "createdAt", b.sha,
       (select older.bytes from image older where older.path = i.path and older.build_id < i.build_id order by older.build_id desc limit 1) as "bytesBefore",
       case when b.pull_request is null then null else jsonb_build_object('number', b.pull_request->'number',
         'title', b.pull_request->'title', 'url', b.pull_request->'url') end as "pullRequest",
       i.attestations @> '[{"type": "provenance"}]' as signed, i.attestations @> '[{"type": "sbom"}]' as sbom
     from image i join build b on b.id = i.build_id
     where i.path = $1 and ($2::bigint is null or i.build_id < $2) order by i.build_id desc limit $3`,
    [path, before, limit],
  );
  return withTagsInUse(rows, before === null ? [] : await newerTags(pool, path, before));
}

/** A tag that moves names what it was given to last. */
async function newerTags(pool: Pool, path: string, before: number): Promise<string[]> {
  const { rows } = await pool.query<{ tag: string }>(
    `select distinct tag from (select i.tags from image i where i.path = $1 and i.build_id >= $2 and ${isKept}
       order by i.build_id limit ${versionsMax}) as newer, unnest(newer.tags) as tag`,
    [path, before],
  );
  return rows.map(({ tag }) => tag);
}

/** `rows`: newest first. */
function withTagsInUse(rows: readonly VersionRow[], newer: readonly string[]): VersionEntry[] {
  const given = new Set(newer);
  return rows.map(({ fixedTags, bytesBefore, reusedFrom, ...row }) => {
    const tags = row.removedAt === null ? row.tags.filter((tag) => fixedTags.includes(tag) || !given.has(tag)) : [];
    for (const tag of tags) given.add(tag);
    return {
      ...{ ...row, tags, buildId: Number(row.buildId), bytes: Number(row.bytes) },
      bytesBefore: bytesBefore === null ? null : Number(bytesBefore),
      reusedFrom: reusedFrom === null ? null : Number(reusedFrom),
    };
  });
}
