// What the images that a Dockerfile is FROM are at this moment, and who remembers what they were.

import type { BaseImage, BuildPullRequest } from "../build.ts";
import type { WriteLine } from "./log.ts";

export interface BasesRequest {
  /** As the Dockerfile names them, variables put in. */
  readonly references: readonly string[];
  /** Whether a registry's name may lead to an address of a private network. */
  readonly mayBePrivate: (host: string) => boolean;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/** Not `isComplete`: what one or more of the references are is not known; `bases` are the others. */
export interface ResolvedBases {
  readonly bases: readonly BaseImage[];
  readonly isComplete: boolean;
}

export interface Bases {
  /** Of the engine that builds: `linux/amd64`. Throws `unavailable`. */
  platform(signal: AbortSignal): Promise<string>;
  /**
   * The digest that each one's registry has now; where the registry cannot be asked, or has none, what the engine has; the log
   * says which one neither knows. Throws `invalid` for a registry at a private address that must not be
   * there, `unavailable` when the engine cannot be reached.
   */
  resolve(request: BasesRequest): Promise<ResolvedBases>;
  /** The digest that the registry has; null when it has none. Throws `unavailable`, `unauthorized`, `forbidden`, `invalid`. */
  inRegistry(
    request: Pick<BasesRequest, "mayBePrivate" | "signal"> & { readonly reference: string },
  ): Promise<string | null>;
}

/** An image that was made of a merge: the last one of its service on its branch. */
export interface WatchedImage {
  readonly buildId: number;
  readonly repository: string;
  readonly repositoryId: number | null;
  readonly sha: string;
  readonly ref: string;
  readonly pullRequest: BuildPullRequest;
  readonly deliveryGuid: string | null;
  readonly service: string;
  /** Repository path in the registry, without host. */
  readonly path: string;
  readonly bases: readonly BaseImage[];
}

/** `bases`: those that changed, each with the digest that it has now. */
export interface BaseRebuild {
  readonly image: WatchedImage;
  readonly bases: readonly BaseImage[];
}

export interface BaseLedger {
  /** Of these repositories, a bounded number. */
  watchedImages(repositories: readonly string[]): Promise<readonly WatchedImage[]>;
  /** True for one of all processes, once in so many seconds. */
  claimBaseRound(everySeconds: number): Promise<boolean>;
  /**
   * Stores and queues a build of the image's commit in one transaction, and returns its id; null when the same change has led to
   * one already, whoever asked. Throws `unavailable` when the queue is full.
   */
  rebuildBase(rebuild: BaseRebuild): Promise<number | null>;
}
