// What turns a recipe and a checkout into an artifact.

import type { AttemptKey, BaseImage } from "../build.ts";
import type { Recipe } from "../recipe.ts";
import type { Checkout } from "./git.ts";
import type { WriteLine } from "./log.ts";

export interface BuilderRequest extends AttemptKey {
  readonly checkout: Checkout;
  readonly recipe: Recipe;
  /** What the engine has to have before it builds; empty where that is not known. */
  readonly bases: readonly BaseImage[];
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/** An artifact on the engine, not yet in the registry. */
export interface Built {
  /** Digest of the image's configuration: what the engine calls the image id. */
  readonly imageId: string;
  /** The attempt's own tag, on the engine and, once it was pushed, in the registry. */
  readonly tag: string;
}

/** Turns a recipe and a checkout into an artifact and brings it to the registry. */
export interface Builder {
  /**
   * Throws `build_failed` (the user's step failed), `invalid` (context or Dockerfile unusable),
   * `timeout`, `unavailable` (engine). An abort ends the steps on the engine too.
   */
  build(request: BuilderRequest): Promise<Built>;
  /** Whether the engine still has what an earlier attempt built. Throws `unavailable`. */
  has(request: BuilderRequest, built: Built): Promise<boolean>;
  /**
   * Pushes the image under its own tag, none of the recipe's, and returns the digest that the registry gave. Idempotent.
   * Throws `unavailable` (worth a retry), `unauthorized`, `forbidden`, `internal`.
   */
  push(request: BuilderRequest, built: Built): Promise<string>;
  /** What was found, in one line. Throws `unavailable`. */
  check(signal: AbortSignal): Promise<string>;
}
