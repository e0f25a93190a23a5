// Prunes an engine: images of ours that nobody needs, and the build cache where the engine is ours alone.

import { type EngineVerdict, judgeEngine } from "../core/engine-retention.ts";
import { toAppError } from "../core/errors.ts";
import type { EngineContents, EngineImages, PruneRecord } from "../core/ports.ts";
import type { PruneItem } from "../core/prune.ts";
import { buildOfTag } from "../core/registry-stock.ts";
import type { Tally } from "./prune-report.ts";

export interface EngineLimits {
  readonly pushHost: string;
  readonly imagesMax: number;
  readonly cacheBytesMax: number;
  /** Whether the build cache is ours: the engine does not say whose it is. */
  readonly isDedicated: boolean;
}

export interface EnginePrune {
  readonly record: PruneRecord;
  readonly engine: EngineImages;
  readonly contents: EngineContents;
  readonly limits: EngineLimits;
  readonly isUrgent: boolean;
  readonly now: Date;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  readonly tally: Tally;
}

export async function pruneEngine(prune: EnginePrune): Promise<void> {
  const { record, contents, limits, isUrgent, now } = prune;
  const untagged = contents.images.filter(({ tags }) => tags.length === 0).map(({ id }) => id);
  const numbers = contents.images.flatMap(({ tags }) =>
    tags.flatMap((tag) => buildOfTag(tag.split(":").at(-1) ?? "") ?? []),
  );
  // Asked after the images were listed: a build that began later has none among them.
  const known = {
    builds: await record.builds([...new Set(numbers)]),
    knownIds: await record.knownImageIds(untagged),
  };
  const stock = { images: contents.images, containers: contents.containers, ...known, now };
  for (const verdict of judgeEngine(stock, { ...limits, isUrgent })) await take(prune, verdict);
  await pruneCache(prune);
}

async function take({ engine, dryRun, signal, tally }: EnginePrune, found: EngineVerdict): Promise<void> {
  const { image, tags, verdict, reason } = found;
  signal.throwIfAborted();
  const what = `image ${image.id} (${image.tags.join(", ") || "no tag"})`;
  // With a tag that is not ours the image stays, and with it what it takes.
  const isWhole = tags.length === image.tags.length;
  const item: PruneItem = { what, verdict, reason, bytes: isWhole ? image.bytes : null, problem: null };
  if (verdict === "keep" || dryRun) return tally.add(item);
  try {
    const stays =
      tags.length === 0
        ? await engine.removeUntagged(image.id, signal)
        : await firstObstacle(tags.map((tag) => () => engine.removeTag(tag, signal)));
    tally.add(stays === null ? item : { ...item, verdict: "keep", reason: stays });
  } catch (cause) {
    signal.throwIfAborted();
    tally.add({ ...item, problem: toAppError(cause).message });
  }
}

async function firstObstacle(removals: readonly (() => Promise<string | null>)[]): Promise<string | null> {
  for (const remove of removals) {
    const stays = await remove();
    if (stays !== null) return stays;
  }
  return null;
}

async function pruneCache({ engine, limits, dryRun, signal, tally }: EnginePrune): Promise<void> {
  const { cacheBytesMax, isDedicated } = limits;
  if (!isDedicated)
    return tally.note(
      "the build cache bears no name of whose it is: it is pruned where engine.dedicated says that the engine is ours",
    );
  const bytes = await engine.cacheBytes(signal);
  const limit = `${cacheBytesMax} bytes (limits.engine_cache_bytes_max)`;
  const what = `build cache of ${bytes} bytes`;
  if (bytes <= cacheBytesMax) {
    return tally.add({ what, verdict: "keep", reason: `not more than ${limit}`, bytes: null, problem: null });
  }
  const freed = dryRun ? bytes - cacheBytesMax : await engine.pruneCache(cacheBytesMax, signal);
  tally.add({
    what,
    verdict: "remove",
    reason: `what was not used for longest, above ${limit}`,
    bytes: freed,
    problem: null,
  });
}
