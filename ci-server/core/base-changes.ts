// Which images have to be built again, now that it is known what their base images have become.

import { parseBaseReference } from "./base-reference.ts";
import type { BaseImage } from "./build.ts";
import type { BaseRebuild, WatchedImage } from "./ports.ts";

export interface BasesNow {
  /** Digests by reference, of those that were answered for. */
  readonly now: ReadonlyMap<string, string>;
  /** Our own registry's host. */
  readonly pushHost: string;
}

/** What only the engine has nobody can ask for, and what is named by its digest stays what it is. */
export function mayChange({ reference, local }: BaseImage): boolean {
  return local !== true && parseBaseReference(reference)?.digest === null;
}

/** In an order in which an image comes after those that it is FROM; these are built again with it. */
export function rebuildsFor(images: readonly WatchedImage[], { now, pushHost }: BasesNow): BaseRebuild[] {
  const all = images.flatMap((image) => toRebuild(image, now));
  // The list grows while it is gone through.
  for (const { image: base, bases } of all) {
    for (const image of images) {
      const isKnown = all.some((one) => one.image === image);
      if (!isKnown && isFrom(image, base, pushHost)) all.push({ image, bases });
    }
  }
  return all;
}

function toRebuild(image: WatchedImage, now: BasesNow["now"]): BaseRebuild[] {
  const bases = image.bases.filter(mayChange).flatMap(({ reference, digest }) => {
    const found = now.get(reference);
    return found === undefined || found === digest ? [] : [{ reference, digest: found }];
  });
  return bases.length === 0 ? [] : [{ image, bases }];
}

/** Another image of the same branch, by the name that a build of it had. */
function isFrom(image: WatchedImage, base: WatchedImage, pushHost: string): boolean {
  if (image.repository !== base.repository || image.ref !== base.ref) return false;
  return image.bases.some((one) => {
    const parsed = parseBaseReference(one.reference);
    return !mayChange(one) && parsed?.host === pushHost.toLowerCase() && parsed.path === base.path;
  });
}
