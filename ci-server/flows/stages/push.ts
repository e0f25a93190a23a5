// The stage `push`: every image in the registry, under its tags.

import { digestReference } from "../../core/image-ref.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { known, proveManifest, pushedDigest, retry, toRequest } from "./of-run.ts";

export async function pushImages(run: BuildRun): Promise<void> {
  for (const image of run.images) await pushImage(run, image);
}

/** Only the push is tried again, never the build: the image is there. The engine pushes one tag, the others follow by manifest. */
async function pushImage(run: BuildRun, image: ImageRun): Promise<void> {
  const { builder, registry } = run.parts;
  const { fence, signal } = { fence: () => run.lease.confirm(), signal: run.signal };
  const { recipe } = image;
  const built = known(image.built);
  const digest =
    (await pushedDigest(run, recipe, built)) ??
    (await retry(run, async () => {
      await fence();
      return builder.push(toRequest(run, recipe), built);
    }));
  // No tag that anybody reads is put on an image that is not the one that was built.
  await retry(run, () => proveManifest(run, image, digest));
  await retry(run, () => registry.tag({ image: recipe.image, digest, tags: recipe.tags, fence, signal }));
  image.digest = digest;
  image.tags = recipe.tags;
  run.log(`pushed ${digestReference(run.parts.pushHost, recipe.image, digest)}`);
}
