// What a running build consists of: the ports and limits it works with, and what its stages hand on to one another.

import type { AttemptKey, Attestation, BaseImage, Build } from "../core/build.ts";
import type { AppError } from "../core/errors.ts";
import type {
  Builder,
  Built,
  Checkout,
  Clock,
  Destinations,
  Git,
  Lease,
  Registry,
  Store,
  WriteLine,
} from "../core/ports.ts";
import type { Recipe, Repository } from "../core/recipe.ts";
import type { RetryPolicy } from "../core/retry.ts";

export interface BuildParts {
  readonly store: Store;
  readonly git: Git;
  readonly builder: Builder;
  readonly registry: Registry;
  readonly destinations: Destinations;
  readonly clock: Clock;
  readonly repositories: readonly Repository[];
  /** Host of the registry as references show it. */
  readonly pushHost: string;
  readonly retry: RetryPolicy;
  readonly buildMsMax: number;
  /** Of a build's log, whatever its attempts. */
  readonly logBytesMax: number;
  readonly logLinesMax: number;
  /** Values that no log may show: the server's own passwords. */
  readonly hidden: readonly string[];
  /** The values of a repository's secrets, as their files have them. Throws with a failure of kind `secret`. */
  readonly readSecrets: (repository: Repository, names: readonly string[]) => Promise<ReadonlyMap<string, Uint8Array>>;
  /** A build whose worker died this often ends as an error. */
  readonly brokenAttemptsMax: number;
  /** So long after it was asked for, a build is given back for trouble of ours; after that the trouble is its result. */
  readonly troubleMsMax: number;
}

/** What the stages hand on to one another. */
export interface BuildRun {
  readonly parts: BuildParts;
  readonly build: Build;
  readonly at: AttemptKey;
  readonly lease: Lease;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
  /** Hides these values from now on in the log and in all that is told of a failure. Returns how many are too short for that. */
  readonly hide: (values: Iterable<string>) => number;
  /** A text without what is hidden, for whatever of it is stored beside the log. */
  readonly mask: (text: string) => string;
  /** Those that the recipes name; empty until the stage `build`. */
  secrets: ReadonlyMap<string, Uint8Array>;
  checkout: Checkout | null;
  /** Set by a rule that ends the build without an image. */
  skipReason: string | null;
  /** One for each image of the plan. */
  images: readonly ImageRun[];
}

/** What the stages find out about one image, in this order. */
export interface ImageRun {
  readonly recipe: Recipe;
  bases: readonly BaseImage[];
  key: string | null;
  /** Null until it is built, and for ever where an earlier build has made it. */
  built: Built | null;
  reusedFrom: number | null;
  /** The manifest's; null until it is in the registry. */
  digest: string | null;
  /** Those that were put. */
  tags: readonly string[];
  /** Those of them that must never name anything else. */
  immutable: readonly string[];
  destinations: readonly CopyOutcome[];
  attestations: readonly Attestation[];
  /** Bytes in the registry; null until that was proven. */
  bytes: number | null;
}

/** `reference`: by digest. `error`: why it is not there. */
export interface CopyOutcome {
  readonly reference: string;
  readonly error: AppError | null;
}

export function newImageRun(recipe: Recipe): ImageRun {
  return {
    ...{ recipe, bases: [], key: null, built: null, reusedFrom: null, digest: null, tags: [], immutable: [] },
    ...{ destinations: [], attestations: [], bytes: null },
  };
}
