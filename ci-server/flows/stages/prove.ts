// The stage `prove`: the registry is asked what it has.

import { AppError } from "../../core/errors.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun } from "../build-run.ts";
import { refuseFailed } from "./distribute.ts";
import { known, proveManifest, retry } from "./of-run.ts";

/** Asks the registry itself: the manifest's bytes have the digest, it is of the image that was built, and every tag names it. */
export async function proveImages(run: BuildRun): Promise<void> {
  for (const image of run.images) {
    const digest = known(image.digest);
    const bytes = await retry(run, () => proveManifest(run, image, digest));
    for (const tag of image.tags) await retry(run, () => proveTag(run, image.recipe, tag, digest));
    image.bytes = bytes;
    run.log(`${image.recipe.image}@${digest} is in the registry with ${image.tags.join(", ")}`);
  }
  refuseFailed(run);
}

async function proveTag(run: BuildRun, recipe: Recipe, tag: string, digest: string): Promise<void> {
  const manifest = await run.parts.registry.manifest(recipe.image, tag, run.signal);
  if (manifest?.digest !== digest) {
    const found = manifest?.digest ?? "nothing";
    throw new AppError(
      "conflict",
      `tag ${recipe.image}:${tag} names ${found} and not ${digest}; something else writes this tag`,
    );
  }
}
