// Looks now and then whether the images that ours are FROM have changed, and lets those be built again: from the last good
// merge, once for each change.

import { mayChange, rebuildsFor } from "../core/base-changes.ts";
import { isNamedHost } from "../core/base-policy.ts";
import { matchesBranch } from "../core/branch-pattern.ts";
import type { BaseImage } from "../core/build.ts";
import { findRepository } from "../core/decide.ts";
import type { BaseRebuild, Clock, WatchedImage } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { BuildParts } from "./build-run.ts";

/** Of one round; those that are left out have their turn in a later one, since the order is another each time. */
const questionsMax = 500;
/** The part of the interval by which a round may be late, so that not all installations ask at the same second. */
const jitterMax = 0.1;

export type WatchEvent =
  | { readonly kind: "round"; readonly references: number; readonly rebuilds: number }
  | {
      readonly kind: "rebuild";
      readonly buildId: number;
      readonly image: WatchedImage;
      readonly bases: readonly BaseImage[];
    }
  | { readonly kind: "trouble"; readonly what: string; readonly error: unknown };

export interface WatchParts
  extends Pick<BuildParts, "store" | "git" | "bases" | "repositories" | "pushHost" | "basePolicy"> {
  readonly clock: Clock;
  readonly everySeconds: number;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly report: (event: WatchEvent) => void;
}

/** Looks at once where nobody has for long enough, then at intervals; returns how to stop, which waits for what is under way. */
export function startWatchingBases(parts: WatchParts): () => Promise<void> {
  const stopping = new AbortController();
  const watching = parts.everySeconds === 0 ? Promise.resolve() : watchUntil(parts, stopping.signal);
  return () => {
    stopping.abort();
    return watching;
  };
}

async function watchUntil(parts: WatchParts, stopping: AbortSignal): Promise<void> {
  const { store, clock, everySeconds, random, report } = parts;
  while (!stopping.aborted) {
    try {
      if (await store.claimBaseRound(everySeconds)) await lookAtBases(parts, stopping);
    } catch (error) {
      if (!stopping.aborted) report({ kind: "trouble", what: "a round", error });
    }
    await clock.sleep(everySeconds * 1000 * (1 + jitterMax * random()), stopping).catch(() => undefined);
  }
}

/** One round. What fails is reported, and has its turn in the next one. */
export async function lookAtBases(parts: WatchParts, signal: AbortSignal): Promise<void> {
  const { store, repositories, report } = parts;
  const images = (await store.watchedImages(repositories.map(({ name }) => name))).filter((image) =>
    isBuilt(parts, image),
  );
  const { now, asked } = await askRegistries(parts, images, signal);
  let rebuilds = 0;
  for (const rebuild of rebuildsFor(images, { now, pushHost: parts.pushHost })) {
    signal.throwIfAborted();
    if (await tryRebuild(parts, rebuild, signal)) rebuilds += 1;
  }
  report({ kind: "round", references: asked, rebuilds });
}

/** Whether a merge into that branch would be built today. */
function isBuilt({ repositories }: WatchParts, { repository: name, ref }: WatchedImage): boolean {
  const repository = findRepository(repositories, name);
  return repository !== undefined && matchesBranch(repository.branches, ref);
}

/** Each reference is asked for once, in the name of the first repository that uses it; `now` holds those that were answered. */
async function askRegistries(
  { bases, basePolicy, repositories, report }: WatchParts,
  images: readonly WatchedImage[],
  signal: AbortSignal,
): Promise<{ readonly now: ReadonlyMap<string, string>; readonly asked: number }> {
  const users = new Map<string, Repository>();
  for (const image of images) {
    const repository = findRepository(repositories, image.repository);
    if (repository === undefined) continue;
    for (const base of image.bases.filter(mayChange))
      if (!users.has(base.reference)) users.set(base.reference, repository);
  }
  const now = new Map<string, string>();
  const asked = [...users].slice(0, questionsMax);
  for (const [reference, repository] of asked) {
    signal.throwIfAborted();
    try {
      const mayBePrivate = (host: string) => isNamedHost(basePolicy(repository), host);
      const digest = await bases.inRegistry({ reference, mayBePrivate, signal });
      if (digest !== null) now.set(reference, digest);
    } catch (error) {
      signal.throwIfAborted();
      report({ kind: "trouble", what: reference, error });
    }
  }
  return { now, asked: asked.length };
}

/** False when there is nothing to do: the branch is gone, or the change has led to a build before. */
async function tryRebuild(parts: WatchParts, rebuild: BaseRebuild, signal: AbortSignal): Promise<boolean> {
  const { image, bases } = rebuild;
  try {
    const repository = findRepository(parts.repositories, image.repository);
    if (repository === undefined || !(await parts.git.hasBranch(repository, image.ref, signal))) return false;
    const buildId = await parts.store.rebuildBase(rebuild);
    if (buildId === null) return false;
    parts.report({ kind: "rebuild", buildId, image, bases });
    return true;
  } catch (error) {
    signal.throwIfAborted();
    parts.report({ kind: "trouble", what: `${image.repository} ${image.service}`, error });
    return false;
  }
}
