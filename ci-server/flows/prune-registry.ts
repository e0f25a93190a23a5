// Prunes the registry: path by path, what the rules of core/retention.ts let go.

import { toAppError } from "../core/errors.ts";
import { tagsLock } from "../core/image-ref.ts";
import type { PruneRecord, RegistryContents, Store } from "../core/ports.ts";
import type { PruneItem } from "../core/prune.ts";
import { buildOfTag, guessTags, type PathStock, type RunningImage } from "../core/registry-stock.ts";
import { judgePath, type ManifestVerdict, type RetentionPolicy, type TagVerdict } from "../core/retention.ts";
import type { Tally } from "./prune-report.ts";

export interface RegistryPrune {
  readonly record: PruneRecord;
  readonly registry: RegistryContents;
  readonly lock: Store["lock"];
  readonly policy: RetentionPolicy;
  /** What runs here; what others have said of theirs is on record. Null: it is not known, and nothing is removed. */
  readonly running: readonly RunningImage[] | null;
  readonly now: Date;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly tally: Tally;
}

export async function pruneRegistry(prune: RegistryPrune): Promise<void> {
  const { record, tally, running } = prune;
  if (running === null) return tally.note("nothing is removed while it is not known what runs on the engine");
  const all = { ...prune, running: [...running, ...(await record.running())] };
  const done = await record.alone(async () => {
    for (const path of await record.paths()) await prunePath(all, path);
    return true;
  });
  if (done === null) tally.note("another process prunes the registry just now");
}

async function prunePath(
  prune: RegistryPrune & { readonly running: readonly RunningImage[] },
  path: string,
): Promise<void> {
  const { record, registry, policy, running, now, signal } = prune;
  signal.throwIfAborted();
  const names = await registry.tags(path, signal);
  const numbers = new Set(names.flatMap((tag) => buildOfTag(tag) ?? []));
  const builds = await record.builds([...numbers]);
  const known = { path, images: await record.images(path), running, builds, now };
  const guess = { ...known, tags: guessTags(known, names) };
  const isClean = !hasRemovals(guess, policy);
  const stock = isClean ? guess : { ...known, tags: await registry.named(path, names, signal) };
  const { manifests, tags } = judgePath(stock, policy);
  for (const manifest of manifests) await takeManifest(prune, stock, manifest);
  for (const tag of tags) await takeTag(prune, path, tag);
}

function hasRemovals(stock: PathStock, policy: RetentionPolicy): boolean {
  const { manifests, tags } = judgePath(stock, policy);
  return [...manifests, ...tags].some(({ verdict }) => verdict === "remove");
}

async function takeManifest(prune: RegistryPrune, stock: PathStock, manifest: ManifestVerdict): Promise<void> {
  const { record, dryRun, tally } = prune;
  const { path, images } = stock;
  const { digest, verdict } = manifest;
  const rows = images.filter((image) => image.digest === digest);
  const item = toItem(path, manifest, rows[0]?.bytes ?? null);
  // Its removal was begun, and by now something keeps it.
  const isBack = verdict === "keep" && rows.some(({ isLeaving }) => isLeaving);
  const repository = rows[0]?.repository ?? stock.builds.find(({ id }) => id === manifest.builds[0])?.repository ?? "";
  if (isBack && !dryRun) await record.undoRemoval({ repository, path, digest });
  if (verdict === "keep" || dryRun) return tally.add(item);
  tally.add(await attempt(prune, item, () => removeManifest(prune, { repository, path }, manifest, rows.length > 0)));
}

/** Returns why it stays, or null. */
async function removeManifest(
  prune: RegistryPrune,
  { repository, path }: { readonly repository: string; readonly path: string },
  { digest, tags, builds }: ManifestVerdict,
  isOnRecord: boolean,
): Promise<string | null> {
  const { record, registry } = prune;
  const image = { repository, path, digest };
  const isFree = isOnRecord ? await record.beginRemoval(image, builds) : !(await record.isBuilding(repository));
  if (!isFree) return `a build of ${repository} runs, and may be about to use it`;
  try {
    await untagged(prune, path, (signal) => registry.removeManifest(path, { digest, tags }, signal));
  } catch (cause) {
    // Else its removal is begun, and the next prune ends it: a part of it may be gone.
    if (toAppError(cause).code === "not_implemented" && isOnRecord) await record.undoRemoval(image);
    throw cause;
  }
  if (isOnRecord) await record.endRemoval(image);
  return null;
}

/** No build puts a tag of the path meanwhile: what was asked of one holds until it is removed. */
function untagged<T>(
  { lock, signal }: RegistryPrune,
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return lock(tagsLock(path), signal, (held) => work(AbortSignal.any([signal, held.signal])));
}

const whyTagStays = {
  removed: null,
  moved: "it names another image by now",
  refused: "this registry cannot remove a tag alone; it goes with its image",
} as const;

async function takeTag(
  prune: RegistryPrune,
  path: string,
  { tag, digest, verdict, reason }: TagVerdict,
): Promise<void> {
  const item: PruneItem = { what: `${path}:${tag}`, verdict, reason, bytes: null, problem: null };
  if (prune.dryRun) return prune.tally.add(item);
  const remove = async () =>
    whyTagStays[await untagged(prune, path, (signal) => prune.registry.removeTag(path, { tag, digest }, signal))];
  prune.tally.add(await attempt(prune, item, remove));
}

/** What cannot be removed does not keep the others from it. */
async function attempt(
  { signal }: RegistryPrune,
  item: PruneItem,
  work: () => Promise<string | null>,
): Promise<PruneItem> {
  try {
    const stays = await work();
    return stays === null ? item : { ...item, verdict: "keep", reason: stays };
  } catch (cause) {
    signal.throwIfAborted();
    return { ...item, problem: toAppError(cause).message };
  }
}

function toItem(path: string, manifest: ManifestVerdict, bytes: number | null): PruneItem {
  const { digest, builds, tags, verdict, reason } = manifest;
  const of = builds.length > 0 ? `build ${builds.join(", ")}` : "no build";
  const what = `${path}@${digest} (${of}; ${tags.join(", ") || "no tag"})`;
  return { what, verdict, reason, bytes, problem: null };
}
