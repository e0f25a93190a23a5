// Which images of one repository path stay in the registry, and which tags: all of the rules, and nothing but them.
//
// What keeps a manifest alive is a tag. Distribution's garbage collection leaves manifests without one alone unless it is
// run with --delete-untagged; Zot, unless it is told otherwise, removes them after a day. So that the reference by digest of
// every image that stays goes on working on both, each has a name that does not move: a version, or else the tag of the
// attempt that made it (`build-7`). `latest` and `pr-3` move with the next merge, `sha-1234567` when a base image changed:
// none of them counts. What goes of the attempts' tags is the rest: those beside such a name, and those of attempts that led
// to no image. A blob is never removed here: the registry's own garbage collection finds those that no manifest names.

import { matchesPattern } from "./path-pattern.ts";
import { keep, remove, type Verdict } from "./prune.ts";
import {
  buildOfTag,
  isPathOf,
  type NumberedBuild,
  type PathStock,
  type RecordedImage,
  type RunningImage,
} from "./registry-stock.ts";
import { isFullVersion } from "./tags/evaluate.ts";

export interface RetentionPolicy {
  /** So many different images of each branch and service; null: no image is removed for its age. */
  readonly keepLast: number | null;
  readonly youngerThanDays: number;
  /** Patterns of tags whose images stay, beside full versions. */
  readonly keepTags: readonly string[];
}

/** A manifest. `tags`: those that name it now, all of which go with it. */
export interface ManifestVerdict extends Verdict {
  readonly digest: string;
  readonly tags: readonly string[];
  /** Builds on record that have it. */
  readonly builds: readonly number[];
}

/** A tag alone: its manifest stays. */
export interface TagVerdict extends Verdict {
  readonly tag: string;
  readonly digest: string;
}

export interface PathVerdict {
  readonly manifests: readonly ManifestVerdict[];
  readonly tags: readonly TagVerdict[];
}

const dayMs = 24 * 3600 * 1000;
/** A build that has just ended may still be looked at under its attempt's name. */
const attemptTagMs = 3600 * 1000;

export function judgePath(stock: PathStock, policy: RetentionPolicy): PathVerdict {
  const look = toLook(stock, policy.keepLast);
  const recorded = [...look.rows.keys()].map((digest) => judgeImage(look, policy, digest));
  const others = [...look.tags.keys()].filter((digest) => !look.rows.has(digest));
  const staying = recorded.filter(({ verdict }) => verdict === "keep");
  return {
    manifests: [...recorded, ...others.flatMap((digest) => judgeLeftover(look, digest))],
    tags: staying.flatMap(({ digest, tags }) => judgeSpareTags(look, digest, tags)),
  };
}

/** The stock in order, so that each question is asked once. */
interface Look {
  readonly path: string;
  readonly now: Date;
  readonly rows: ReadonlyMap<string, readonly RecordedImage[]>;
  /** Those that name a digest now. */
  readonly tags: ReadonlyMap<string, readonly string[]>;
  /** Digest of the newest image that has a tag on record. */
  readonly ownerOfTag: ReadonlyMap<string, string>;
  /** Those that are among the last of their branch. */
  readonly last: ReadonlySet<RecordedImage>;
  /** Tags that were never to name anything else. */
  readonly fixedTags: ReadonlySet<string>;
  readonly running: ReadonlyMap<string, RunningImage>;
  readonly builds: ReadonlyMap<number, NumberedBuild>;
}

function toLook({ path, now, images, tags, running, builds }: PathStock, keepLast: number | null): Look {
  const newestFirst = images.toSorted((one, other) => other.buildId - one.buildId);
  const ofTag = newestFirst.flatMap(({ tags, digest }) => tags.map((tag) => [tag, digest] as const));
  return {
    ...{ path, now },
    rows: Map.groupBy(newestFirst, ({ digest }) => digest),
    tags: new Map(
      [...Map.groupBy(tags, ({ digest }) => digest)].map(([digest, all]) => [digest, all.map(({ tag }) => tag)]),
    ),
    // The first of a name stays.
    ownerOfTag: new Map(ofTag.toReversed()),
    last: lastOfBranches(newestFirst, keepLast ?? 0),
    fixedTags: new Set(images.flatMap(({ fixedTags }) => fixedTags)),
    running: new Map(running.map((one) => [one.id, one])),
    builds: new Map(builds.filter(({ repository }) => isPathOf(repository, path)).map((one) => [one.id, one])),
  };
}

/** Counts different images: one that several builds have takes one place, that of its newest build. */
function lastOfBranches(newestFirst: readonly RecordedImage[], keepLast: number): Set<RecordedImage> {
  const seen = new Map<string, Set<string>>();
  return new Set(
    newestFirst.filter((image) => {
      if (image.isLeaving) return false;
      const group = groupOf(image);
      const digests = seen.get(group) ?? new Set();
      seen.set(group, digests.add(image.digest));
      return digests.size <= keepLast;
    }),
  );
}

function groupOf({ repository, ref, service }: RecordedImage): string {
  return JSON.stringify([repository.toLowerCase(), ref, service]);
}

function judgeImage(look: Look, policy: RetentionPolicy, digest: string): ManifestVerdict {
  const rows = look.rows.get(digest) ?? [];
  const tags = look.tags.get(digest) ?? [];
  const verdict =
    keptByUse(look, digest, rows) ??
    keptByTag(look, policy, digest, tags) ??
    keptByAge(look, policy, rows) ??
    remove(whyRemoved(policy, rows));
  return { ...verdict, digest, tags, builds: rows.map(({ buildId }) => buildId).reverse() };
}

function keptByUse({ running }: Look, digest: string, rows: readonly RecordedImage[]): Verdict | null {
  const ids = [digest, ...rows.map(({ imageId }) => imageId).filter((id) => id !== "")];
  const use = ids.map((id) => running.get(id)).find((one) => one !== undefined);
  return use === undefined ? null : keep(`${use.where} uses it`);
}

function keptByTag(look: Look, { keepTags }: RetentionPolicy, digest: string, tags: readonly string[]): Verdict | null {
  const version = tags.find((tag) => isFixed(look, tag));
  if (version !== undefined) return keep(`${version} is a version`);
  for (const tag of tags) {
    const pattern = keepTags.find((one) => matchesPattern(one, tag));
    if (pattern !== undefined) return keep(`${tag} fits retention.keep_tags (${pattern})`);
  }
  const strange = tags.find((tag) => !isPutByBuild(look, tag, digest));
  return strange === undefined ? null : keep(`no build has put the tag ${strange} on it`);
}

/** A tag is the newest image's that has it on record: where it names another one, somebody has moved it by hand. */
function isPutByBuild({ ownerOfTag, builds }: Look, tag: string, digest: string): boolean {
  const id = buildOfTag(tag);
  return id === null ? ownerOfTag.get(tag) === digest : builds.has(id);
}

function keptByAge(
  { now, last }: Look,
  { keepLast, youngerThanDays }: RetentionPolicy,
  rows: readonly RecordedImage[],
): Verdict | null {
  const staying = rows.filter(({ isLeaving }) => !isLeaving);
  if (staying.length === 0) return null;
  if (keepLast === null) return keep("retention is not configured: images stay in the registry");
  const youngest = Math.max(...staying.map(({ pushedAt }) => pushedAt.getTime()));
  if (now.getTime() - youngest < youngerThanDays * dayMs) return keep(`younger than ${youngerThanDays} days`);
  const row = staying.find((one) => last.has(one));
  return row === undefined ? null : keep(`among the last ${keepLast} of ${nameOf(row)}`);
}

function nameOf({ ref, service }: RecordedImage): string {
  return `${service} on ${ref ?? "no branch"}`;
}

function whyRemoved({ keepLast, youngerThanDays }: RetentionPolicy, rows: readonly RecordedImage[]): string {
  const staying = rows.filter(({ isLeaving }) => !isLeaving);
  if (staying.length === 0) return "its removal was begun before";
  const names = [...new Set(staying.map(nameOf))].join(", ");
  return `not younger than ${youngerThanDays} days, and not among the last ${keepLast} of ${names}`;
}

/** A manifest that no image on record has: what attempts have left goes, what somebody else has put is not even listed. */
function judgeLeftover(look: Look, digest: string): ManifestVerdict[] {
  const tags = look.tags.get(digest) ?? [];
  const builds = tags.flatMap((tag) => look.builds.get(buildOfTag(tag) ?? 0) ?? []);
  if (builds.length < tags.length) return [];
  const about = { digest, tags, builds: [...new Set(builds.map(({ id }) => id))] };
  const busy = builds.find((build) => isFresh(build, look.now));
  if (busy !== undefined) return [{ ...about, ...keep(`build ${busy.id} runs, or has just ended`) }];
  const verdict =
    keptByUse(look, digest, []) ?? remove("an attempt has pushed it, and it became no image of its build");
  return [{ ...about, ...verdict }];
}

/** A version, by its looks or because a build has put it as one. */
function isFixed({ fixedTags }: Look, tag: string): boolean {
  return isFullVersion(tag) || fixedTags.has(tag);
}

/** Of the attempts' tags on an image that stays, one stays as its name for ever, unless a version is that. */
function judgeSpareTags(look: Look, digest: string, tags: readonly string[]): TagVerdict[] {
  const attempts = tags.filter((tag) => look.builds.has(buildOfTag(tag) ?? 0)).sort(byAttempt);
  const name = tags.find((tag) => isFixed(look, tag)) ?? attempts[0];
  return attempts.flatMap((tag) => {
    const build = look.builds.get(buildOfTag(tag) ?? 0);
    if (tag === name || build === undefined || isFresh(build, look.now)) return [];
    return [{ tag, digest, ...remove(`${name} names the same image, and does not move`) }];
  });
}

function byAttempt(one: string, other: string): number {
  return (buildOfTag(one) ?? 0) - (buildOfTag(other) ?? 0) || one.length - other.length || (one < other ? -1 : 1);
}

function isFresh({ endedAt }: NumberedBuild, now: Date): boolean {
  return endedAt === null || now.getTime() - endedAt.getTime() < attemptTagMs;
}
