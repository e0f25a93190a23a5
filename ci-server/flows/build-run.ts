// What a running build consists of: the ports and limits it works with, and what its stages hand on to one another.

import type { BasePolicy } from "../core/base-policy.ts";
import type { AttemptKey, Attestation, BaseImage, Build } from "../core/build.ts";
import type { Dockerfile } from "../core/dockerfile.ts";
import type { AppError } from "../core/errors.ts";
import type {
  AttemptWatch,
  Bases,
  Builder,
  BuildObserver,
  Built,
  Checkout,
  Clock,
  Contexts,
  Destinations,
  Git,
  Lease,
  ParseYaml,
  Registry,
  ServiceImage,
  Store,
  WriteLine,
} from "../core/ports.ts";
import type { NeededImage, Recipe, Repository } from "../core/recipe.ts";
import type { RetryPolicy } from "../core/retry.ts";
import type { AttestParts } from "./attest-parts.ts";

export interface BuildParts {
  readonly store: Store;
  readonly git: Git;
  readonly builder: Builder;
  readonly registry: Registry;
  readonly destinations: Destinations;
  readonly contexts: Contexts;
  readonly bases: Bases;
  readonly basePolicy: (repository: Repository) => BasePolicy;
  readonly clock: Clock;
  readonly observer: BuildObserver;
  readonly repositories: readonly Repository[];
  /** Null where attestations are off. */
  readonly attest: AttestParts | null;
  /** Host of the registry as references show it. */
  readonly pushHost: string;
  /** Hosts of the other registries that images may be sent to. */
  readonly registryHosts: readonly string[];
  readonly parseYaml: ParseYaml;
  /** Of a repository's own file. */
  readonly recipeFileBytesMax: number;
  /** Images of one build that are built at once. */
  readonly parallelImagesMax: number;
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
  /** Throws `unavailable` while the disk is too full to begin a build. */
  readonly ensureRoom: (signal: AbortSignal) => Promise<void>;
}

/** What the stages hand on to one another. */
export interface BuildRun {
  readonly parts: BuildParts;
  readonly build: Build;
  readonly at: AttemptKey;
  readonly lease: Lease;
  readonly watch: AttemptWatch;
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
  /** One for each image of the plan, after those that it needs. */
  images: readonly ImageRun[];
  /** What earlier builds have made of services that this one needs and leaves as they are. */
  found: readonly ServiceImage[];
}

/** What the stages find out about one image, in this order. */
export interface ImageRun {
  readonly recipe: Recipe;
  /** What it needs of its own repository; known once those were built. */
  needed: readonly NeededImage[];
  bases: readonly BaseImage[];
  /** Null for a recipe that has no Dockerfile. */
  source: Source | null;
  key: string | null;
  /** Null until it is built, and for ever where an earlier build has made it. */
  built: Built | null;
  /** Of the image that an earlier build has made. */
  reusedId: string | null;
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

/** What an image is made from, as it was read. */
export interface Source {
  readonly dockerfile: Dockerfile;
  /** Of the engine: `linux/amd64`. */
  readonly platform: string;
}

/** `reference`: by digest. `error`: why it is not there. */
export interface CopyOutcome {
  readonly reference: string;
  readonly error: AppError | null;
}

export function newImageRun(recipe: Recipe): ImageRun {
  return {
    ...{
      recipe,
      needed: [],
      bases: [],
      source: null,
      key: null,
      built: null,
      reusedId: null,
      reusedFrom: null,
      digest: null,
    },
    ...{ tags: [], immutable: [], destinations: [], attestations: [], bytes: null },
  };
}
