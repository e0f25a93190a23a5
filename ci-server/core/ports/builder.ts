// What turns a recipe and a checkout into an artifact.

import type { AttemptKey, BaseImage } from "../build.ts";
import type { BuildStep } from "../build-step.ts";
import type { BroughtAlong } from "../onbuild.ts";
import type { Recipe } from "../recipe.ts";
import type { Checkout } from "./git.ts";
import type { WriteLine } from "./log.ts";

export interface BuilderRequest extends AttemptKey {
  readonly checkout: Checkout;
  readonly recipe: Recipe;
  /** What the image is FROM, as far as it is known: the engine gets exactly these before it builds. */
  readonly bases: readonly BaseImage[];
  /** Values by name; a step may read those that the recipe names. */
  readonly secrets: ReadonlyMap<string, Uint8Array>;
  /**
   * Told what the bases bring along for whoever is FROM them (ONBUILD), once the engine has them and before anything is
   * built. What it throws is thrown, and nothing is built.
   */
  readonly onBrought: (brought: readonly BroughtAlong[]) => void;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
  /** Told when a step begins, and again when it has ended; never blocks and never throws. */
  readonly onStep: (step: BuildStep) => void;
}

/** `sync`: the engine asks for what has changed since it had the context last; `tar`: it gets all of it each time. */
export const contextTransfers = ["sync", "tar"] as const;
export type ContextTransfer = (typeof contextTransfers)[number];

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
   * Throws `build_failed` (the user's step failed; `details.failure` is what the engine knows of it), `invalid` (context,
   * Dockerfile or arguments unusable), `timeout`, `unavailable` (engine, or the registry of a base image). An abort ends
   * the steps on the engine too. A step reads the secrets of the recipe; no layer has them, and no other build.
   */
  build(request: BuilderRequest): Promise<Built>;
  /** Whether the engine still has what an earlier attempt built. Throws `unavailable`. */
  has(request: BuilderRequest, built: Built): Promise<boolean>;
  /**
   * Pushes the image under its own tag, none of the recipe's, and returns the digest that the registry gave. Idempotent.
   * Throws `unavailable` (worth a retry), `unauthorized`, `forbidden`, `internal`.
   */
  push(request: BuilderRequest, built: Built): Promise<string>;
  /**
   * Removes what builds that died have left on the engine: images of ours without a name, made before this time. What does
   * not bear our label, and what a container uses, stays. Returns how many. May run at any time. Throws `unavailable`.
   */
  sweep(madeBefore: Date): Promise<number>;
  /** What was found, in one line. Throws `unavailable`. */
  check(signal: AbortSignal): Promise<string>;
}
