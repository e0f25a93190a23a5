// The stage `build`: every image on the engine, none of them in the registry yet.

import type { Artifact } from "../../core/build.ts";
import type { Built } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { pushedDigest, toRequest } from "./of-run.ts";
import { openSecrets } from "./secrets.ts";

export async function buildImages(run: BuildRun): Promise<void> {
  const artifacts = run.at.attempt === 1 ? [] : await run.parts.store.artifacts(run.build.id);
  await openSecrets(run);
  for (const image of run.images) image.built = await buildImage(run, image, artifacts);
}

/** What an earlier attempt has built, and is still there, is not built again. */
async function buildImage(run: BuildRun, { recipe }: ImageRun, artifacts: readonly Artifact[]): Promise<Built> {
  const { store, builder } = run.parts;
  const text = JSON.stringify(recipe);
  const earlier = artifacts.find(({ service, recipe: of }) => service === recipe.service && of === text);
  if (earlier !== undefined && (await isThere(run, recipe, earlier))) {
    run.log(`${recipe.service}: an earlier attempt has built ${earlier.imageId}; it is not built again`);
    return earlier;
  }
  const built = await builder.build(toRequest(run, recipe));
  await store.keepArtifact(run.at, { ...built, service: recipe.service, recipe: text });
  return built;
}

async function isThere(run: BuildRun, recipe: Recipe, built: Built): Promise<boolean> {
  return (
    (await pushedDigest(run, recipe, built)) !== null || (await run.parts.builder.has(toRequest(run, recipe), built))
  );
}
