// What pruning works on: the history's record, the registry's contents, an engine's images, folders of the sources.

import type { EngineContainer, EngineImage } from "../engine-retention.ts";
import type { PruneItem } from "../prune.ts";
import type { NamedTag, NumberedBuild, RecordedImage, RunningImage } from "../registry-stock.ts";

/** A build whose log is old. */
export interface OldLog {
  readonly buildId: number;
  readonly repository: string;
  readonly finishedAt: Date;
}

/** What the database knows of things that can be removed. Throws `unavailable` when it cannot be reached. */
export interface PruneRecord {
  /** Runs the work while no other process runs its own; null when another one does. */
  alone<T>(work: () => Promise<T>): Promise<T | null>;
  /** Paths of the registry that have an image on record which was not removed. */
  paths(): Promise<readonly string[]>;
  images(path: string): Promise<readonly RecordedImage[]>;
  /** Those of the numbers that are builds. */
  builds(ids: readonly number[]): Promise<readonly NumberedBuild[]>;
  /** Those of an engine's ids that the history knows. */
  knownImageIds(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** What was last seen running, wherever it was, in the last days. */
  running(): Promise<readonly RunningImage[]>;
  /** Replaces what `reporter` has said before. */
  reportRunning(reporter: string, images: readonly RunningImage[]): Promise<void>;
  /** Whether a build of the repository has begun and not ended: it may be about to use any image of it. */
  isBuilding(repository: string): Promise<boolean>;
  /**
   * Takes the manifest out of the history, so that no build uses it any more, before it is taken out of the registry. False,
   * and nothing is changed, when a build of the repository runs, which may have chosen it just now, or when a build that is
   * not among `builds` has it by now.
   */
  beginRemoval(image: ImageKey, builds: readonly number[]): Promise<boolean>;
  /** It is out of the registry. */
  endRemoval(image: ImageKey): Promise<void>;
  /** It stays after all. */
  undoRemoval(image: ImageKey): Promise<void>;
  /** Oldest first. */
  oldLogs(daysMax: number, limit: number): Promise<{ readonly logs: readonly OldLog[]; readonly total: number }>;
  /** Removes log, steps and artifacts of a bounded number of builds, which say so from then on; returns those builds. */
  removeOldLogs(daysMax: number): Promise<readonly OldLog[]>;
}

export interface ImageKey {
  readonly repository: string;
  readonly path: string;
  readonly digest: string;
}

export type TagRemoval = "removed" | "moved" | "refused";

/**
 * What is in the registry under one path, and its removal. Manifests and tags only: blobs are the registry's own to collect.
 * Throws `unavailable`, `unauthorized`, `forbidden`, and `not_implemented` where the registry removes nothing at all.
 */
export interface RegistryContents {
  /** All of them; none where the registry does not know the path. */
  tags(path: string, signal: AbortSignal): Promise<readonly string[]>;
  /** What each names; those that have gone meanwhile are left out. */
  named(path: string, tags: readonly string[], signal: AbortSignal): Promise<readonly NamedTag[]>;
  /**
   * Asks first what the tag names by now: it has `moved` where that is another digest, and stays; `refused` where the registry
   * cannot remove a tag and leave the manifest. One that is not there is removed.
   */
  removeTag(path: string, tag: NamedTag, signal: AbortSignal): Promise<TagRemoval>;
  /**
   * Removes what is attached to the manifest under the fallback tag `sha256-<hex>` of the OCI distribution specification, then
   * the tags that still name it, where the registry can, then the manifest and with it all tags that are left. Idempotent.
   */
  removeManifest(
    path: string,
    manifest: { digest: string; tags: readonly string[] },
    signal: AbortSignal,
  ): Promise<void>;
}

export interface EngineContents {
  /** Images with our label, and all containers. */
  readonly images: readonly EngineImage[];
  readonly containers: readonly EngineContainer[];
  /** What containers use, under every name by which the history may know it. */
  readonly running: readonly RunningImage[];
}

/** The images of one engine. Nothing is forced: what a container uses stays. Throws `unavailable`. */
export interface EngineImages {
  contents(signal: AbortSignal): Promise<EngineContents>;
  /** Takes a tag off; the image goes with its last name. Returns why it stays, or null. */
  removeTag(tag: string, signal: AbortSignal): Promise<string | null>;
  /** Removes an image that has no tag; one that has got a tag meanwhile stays. Returns why it stays, or null. */
  removeUntagged(id: string, signal: AbortSignal): Promise<string | null>;
  /** Bytes of the build cache, which has no owner: it is the whole engine's. */
  cacheBytes(signal: AbortSignal): Promise<number>;
  /** Removes what was not used for longest until so much is left; returns the bytes that were freed. */
  pruneCache(keepBytes: number, signal: AbortSignal): Promise<number>;
}

export interface FolderSweep {
  /** Names of the repositories that are configured. */
  readonly repositories: readonly string[];
  /** Those of a repository that was not built for so long go as well. */
  readonly daysMax: number;
  readonly now: Date;
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
}

/** Mirrors and worktrees of this process. What a build uses stays. */
export interface SourceFolders {
  sweep(request: FolderSweep): Promise<readonly PruneItem[]>;
}
