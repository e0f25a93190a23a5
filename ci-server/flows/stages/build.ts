// The stage `build`: every image on the engine, none of them in the registry yet.

import { withBaseLine } from "../../core/base-line.ts";
import type { Artifact } from "../../core/build.ts";
import type { Built } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { inOrderOfNeeds } from "../in-order-of-needs.ts";
import { neededBy, withArguments } from "../needed-images.ts";
import { pushedDigest, toRequest } from "./of-run.ts";
import { identifyImage, reuseImage } from "./reuse.ts";
import { runSteps } from "./run-steps.ts";
import { openSecrets } from "./secrets.ts";

/** Several at once, each after those that it needs. */
export async function buildImages(run: BuildRun): Promise<void> {
  const artifacts = run.at.attempt === 1 ? [] : await run.parts.store.artifacts(run.build.id);
  await openSecrets(run);
  await inOrderOfNeeds(run, async (image) => {
    const own = { ...run, log: ownLog(run, image) };
    image.needed = neededBy(run, image);
    image.built = await buildImage(own, image, artifacts);
  });
}

/** Of several that are built at once, each line says of which it is. */
function ownLog({ images, log }: BuildRun, { recipe }: ImageRun): BuildRun["log"] {
  return images.length === 1 ? log : (text, origin) => log(`${recipe.service}: ${text}`, origin);
}

/** Null where an earlier build has made the same. What an earlier attempt has built, and is still there, is not built again either. */
async function buildImage(run: BuildRun, image: ImageRun, artifacts: readonly Artifact[]): Promise<Built | null> {
  const { store } = run.parts;
  const recipe = withArguments(image.recipe, image.needed);
  const needs = await identifyImage(run, image, recipe);
  if (await reuseImage(run, image)) return null;
  // What an earlier attempt has made of other base images does not count.
  const text = JSON.stringify({ ...recipe, key: image.key });
  const earlier = artifacts.find(({ service, recipe: of }) => service === recipe.service && of === text);
  if (earlier !== undefined && (await isThere(run, recipe, earlier))) {
    run.log(`${recipe.service}: an earlier attempt has built ${earlier.imageId}; it is not built again`);
    return earlier;
  }
  const built = await runSteps(run, recipe, image).catch((error: unknown) => {
    throw withBaseLine(error, needs);
  });
  await store.keepArtifact(run.at, { ...built, service: recipe.service, recipe: text });
  return built;
}

async function isThere(run: BuildRun, recipe: Recipe, built: Built): Promise<boolean> {
  return (
    (await pushedDigest(run, recipe, built)) !== null || (await run.parts.builder.has(toRequest(run, recipe), built))
  );
}
