// What an image needs of its own repository, as its Dockerfile is told: a build argument for each, such as BASE_IMAGE.

import { digestReference } from "../core/image-ref.ts";
import { neededArgument } from "../core/needs.ts";
import type { NeededImage, Recipe } from "../core/recipe.ts";
import type { BuildRun, ImageRun } from "./build-run.ts";

/** To be asked once those that are of this build were built. */
export function neededBy(run: BuildRun, { recipe }: ImageRun): NeededImage[] {
  return recipe.needs.map((service) => {
    const image = run.images.find((one) => one.recipe.service === service);
    const found = image === undefined ? earlierImage(run, service) : ownImage(run, image);
    if (found === null) throw new Error(`${recipe.service} is built before ${service}, which it needs`);
    return { service, argument: neededArgument(service), ...found };
  });
}

export function withArguments(recipe: Recipe, needed: readonly NeededImage[]): Recipe {
  const given = needed.map(({ argument, reference }) => [argument, reference]);
  return needed.length === 0 ? recipe : { ...recipe, args: { ...recipe.args, ...Object.fromEntries(given) } };
}

type Found = Pick<NeededImage, "reference" | "digest"> | null;

/** The engine has it under its attempt's tag, and asks no registry for what it has. */
function ownImage(run: BuildRun, { recipe, built, digest }: ImageRun): Found {
  const { pushHost } = run.parts;
  if (built !== null) return { reference: `${pushHost}/${recipe.image}:${built.tag}`, digest: built.imageId };
  return digest === null ? null : { reference: digestReference(pushHost, recipe.image, digest), digest };
}

function earlierImage({ found, parts }: BuildRun, service: string): Found {
  const image = found.find((one) => one.service === service);
  if (image === undefined) return null;
  return { reference: digestReference(parts.pushHost, image.path, image.digest), digest: image.digest };
}
