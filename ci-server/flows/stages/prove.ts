// The stage `prove`: the registry is asked what it has.

import { AppError } from "../../core/errors.ts";
import { isSameContent } from "../../core/manifest.ts";
import type { Manifest } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import { repositoryKey } from "../../core/tags/labels.ts";
import type { BuildRun } from "../build-run.ts";
import { refuseFailed } from "./distribute.ts";
import { findManifest, known, retry } from "./of-run.ts";

/** Asks the registry itself: the manifest's bytes have the digest, and every tag names it. Of what it is, was proven before the tags were put. */
export async function proveImages(run: BuildRun): Promise<void> {
  for (const image of run.images) {
    const { recipe } = image;
    const manifest = await retry(run, () => findManifest(run, recipe, known(image.digest)));
    const proving = image.tags.map((tag) => retry(run, () => proveTag(run, { recipe, tag, manifest })));
    await Promise.allSettled(proving);
    await Promise.all(proving);
    image.bytes = manifest.bytes;
    run.log(`${recipe.image}@${manifest.digest} is in the registry with ${image.tags.join(", ") || "no tag"}`);
  }
  refuseFailed(run);
}

interface Tagged {
  readonly recipe: Recipe;
  readonly tag: string;
  readonly manifest: Manifest;
}

async function proveTag(run: BuildRun, tagged: Tagged): Promise<void> {
  const { recipe, tag, manifest } = tagged;
  const there = await run.parts.registry.manifest(recipe.image, tag, run.signal);
  if (there?.digest === manifest.digest) return;
  const isFixed = recipe.fixedTags.includes(tag);
  if (there !== null && (isFixed ? isSameContent(there, manifest) : await isOfAnotherBuild(run, tagged, there))) {
    if (!isFixed) run.log(`${recipe.image}:${tag} names ${there.digest} by now, which another build has put`);
    return;
  }
  throw new AppError(
    "conflict",
    `tag ${recipe.image}:${tag} names ${there?.digest ?? "nothing"} and not ${manifest.digest}; something else writes this tag`,
  );
}

/** A tag that moves may have moved on since: to an image that bears our mark, and that the registry has under its own digest too. */
async function isOfAnotherBuild(run: BuildRun, { recipe }: Tagged, there: Manifest): Promise<boolean> {
  const isOurs = there.annotations[repositoryKey] === recipe.annotations[repositoryKey];
  return isOurs && (await run.parts.registry.manifest(recipe.image, there.digest, run.signal)) !== null;
}
