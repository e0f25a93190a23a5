// The stage `push`: every image in the registry, under its tags.

import { digestReference } from "../../core/image-ref.ts";
import type { BuildRun } from "../build-run.ts";
import { known, proveManifest, pushedDigest, retry, toRequest } from "./of-run.ts";

/** Only the push is tried again, never the build: the image is there. The engine pushes one tag, the others follow by manifest. */
export async function pushImages(run: BuildRun): Promise<void> {
  const { builder, registry } = run.parts;
  const { fence, signal } = { fence: () => run.lease.confirm(), signal: run.signal };
  for (const recipe of run.recipes) {
    const built = known(run.built.get(recipe));
    const digest =
      (await pushedDigest(run, recipe, built)) ??
      (await retry(run, async () => {
        await fence();
        return builder.push(toRequest(run, recipe), built);
      }));
    // No tag that anybody reads is put on an image that is not the one that was built.
    await retry(run, () => proveManifest(run, recipe, digest));
    await retry(run, () => registry.tag({ image: recipe.image, digest, tags: recipe.tags, fence, signal }));
    run.digests.set(recipe, digest);
    run.log(`pushed ${digestReference(run.parts.pushHost, recipe.image, digest)}`);
  }
}
