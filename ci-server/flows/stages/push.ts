// The stage `push`: every image in the registry, under its tags, and in the further registries that it is to go to.

import { AppError } from "../../core/errors.ts";
import { digestReference } from "../../core/image-ref.ts";
import type { Built } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { distribute } from "./distribute.ts";
import { isOf, known, proveManifest, pushedDigest, retry, toRequest } from "./of-run.ts";
import { lookAhead, tagImage } from "./tag.ts";

export async function pushImages(run: BuildRun): Promise<void> {
  for (const image of run.images) await pushImage(run, image);
  for (const image of run.images) await distribute(run, image);
}

/** An image that an earlier build has made is in the registry: only its tags are to be put. */
async function pushImage(run: BuildRun, image: ImageRun): Promise<void> {
  const { recipe } = image;
  const pushing = image.reusedFrom === null ? pushBuilt(run, image) : known(image.digest);
  await Promise.allSettled([pushing, lookAhead(run, recipe)]);
  const digest = await pushing;
  const reading = readAhead(run, image, digest);
  try {
    // No tag that anybody reads is put on an image that is not the one that was built.
    await tagImage(run, image, await retry(run, () => proveManifest(run, image, digest)));
  } catch (cause) {
    await reading.stop();
    throw cause;
  }
  const did = image.reusedFrom === null ? "pushed" : "tagged";
  run.log(`${did} ${digestReference(run.parts.pushHost, recipe.image, known(image.digest))}`);
}

/** Of a new image: what the stage `attest` will ask for is read while the tags are put, and remembered by layer. */
function readAhead(run: BuildRun, { recipe, reusedFrom }: ImageRun, digest: string): { stop(): Promise<void> } {
  const { attest } = run.parts;
  if (attest === null || reusedFrom !== null) return { stop: async () => undefined };
  const enough = new AbortController();
  const signal = AbortSignal.any([run.signal, enough.signal]);
  // Its trouble is none yet.
  const reading = attest.attestations.content(recipe.image, digest, signal).then(
    () => undefined,
    () => undefined,
  );
  return {
    stop() {
      enough.abort();
      return reading;
    },
  };
}

/** Only the push is tried again, never the build: the image is there. The engine pushes one tag, the others follow by manifest. */
async function pushBuilt(run: BuildRun, { recipe, built: made }: ImageRun): Promise<string> {
  const built = known(made);
  return (await pushedDigest(run, recipe, built)) ?? (await retry(run, () => pushOnce(run, recipe, built)));
}

/** The engine says in words why a push failed: the registry itself knows whether all of it came, and how long it wants to be left alone. */
async function pushOnce(run: BuildRun, recipe: Recipe, built: Built): Promise<string> {
  const { builder, registry } = run.parts;
  await run.lease.confirm();
  try {
    return await builder.push(toRequest(run, recipe), built);
  } catch (error) {
    if (!(error instanceof AppError && error.code === "unavailable")) throw error;
    run.signal.throwIfAborted();
    const manifest = await registry.manifest(recipe.image, built.tag, run.signal).catch((trouble: unknown) => {
      throw trouble instanceof AppError
        ? new AppError(error.code, error.message, { cause: error, details: { ...trouble.details, ...error.details } })
        : error;
    });
    if (manifest === null || !isOf(manifest, built)) throw error;
    run.log(`the push broke off, but all of it is in the registry: ${error.message}`);
    return manifest.digest;
  }
}
