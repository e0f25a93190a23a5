// The stage `prove`: the registry is asked what it has.

import type { Image } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import { digestReference } from "../../core/image-ref.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun } from "../build-run.ts";
import { known, proveManifest, retry } from "./of-run.ts";

/** Asks the registry itself: the manifest's bytes have the digest, it is of the image that was built, and every tag names it. */
export async function proveImages(run: BuildRun): Promise<void> {
  for (const recipe of run.recipes) {
    const digest = known(run.digests.get(recipe));
    const bytes = await retry(run, () => proveManifest(run, recipe, digest));
    for (const tag of recipe.tags) await retry(run, () => proveTag(run, recipe, tag, digest));
    run.images.push(toImage(run, recipe, digest, bytes));
    run.log(`${recipe.image}@${digest} is in the registry with ${recipe.tags.join(", ")}`);
  }
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

function toImage(run: BuildRun, recipe: Recipe, digest: string, bytes: number): Image {
  const reference = digestReference(run.parts.pushHost, recipe.image, digest);
  return { service: recipe.service, reference, digest, tags: recipe.tags, bytes };
}
