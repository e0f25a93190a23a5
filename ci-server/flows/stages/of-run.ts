// What several stages ask of a running build.

import { AppError } from "../../core/errors.ts";
import { attemptTag } from "../../core/image-ref.ts";
import type { BuilderRequest, Built, Checkout, LineOrigin, Manifest, WriteLine } from "../../core/ports.ts";
import type { Recipe, Repository } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { withRetry } from "../with-retry.ts";

/** What the registry has under the tag of an earlier attempt, if it is the image that was built. */
export async function pushedDigest(run: BuildRun, { image }: Recipe, built: Built): Promise<string | null> {
  if (built.tag === attemptTag(run.at)) return null;
  const manifest = await retry(run, () => run.parts.registry.manifest(image, built.tag, run.signal));
  return manifest !== null && isOf(manifest, built) ? manifest.digest : null;
}

/** What the registry has under the digest, if it is of the image that was built. */
export async function proveManifest(run: BuildRun, { recipe, built }: ImageRun, digest: string): Promise<Manifest> {
  const manifest = await findManifest(run, recipe, digest);
  // Of what was not built here the digest says all: the registry's bytes have it.
  if (built !== null && !isOf(manifest, built)) {
    throw new AppError(
      "internal",
      `${recipe.image}@${digest} is of image ${manifest.configDigest}, but ${built.imageId} was built`,
    );
  }
  return manifest;
}

/** Throws `unavailable` when the registry does not have it (yet). */
export async function findManifest(run: BuildRun, { image }: Recipe, digest: string): Promise<Manifest> {
  const manifest = await run.parts.registry.manifest(image, digest, run.signal);
  if (manifest === null)
    throw new AppError("unavailable", `the registry does not have ${image}@${digest} after the push`);
  return manifest;
}

/** An engine with the containerd store uses the manifest's digest as the image's id, an older one the configuration's. */
export function isOf({ configDigest, digest }: Manifest, { imageId }: Built): boolean {
  return configDigest === imageId || digest === imageId;
}

/** Without what only the build itself needs: `bases`, `secrets`, `onBrought`, `onStep`. */
export function toRequest(run: BuildRun, recipe: Recipe): BuilderRequest {
  const { at, signal } = run;
  const nothing = () => undefined;
  const rest = { bases: [], secrets: new Map<string, Uint8Array>(), onBrought: nothing, onStep: nothing };
  return { ...at, checkout: checkoutOf(run), recipe, signal, log: logOf(run, recipe), ...rest };
}

/** Many lines share one origin: it is completed once. */
function logOf({ log }: BuildRun, { service }: Recipe): WriteLine {
  const known = new WeakMap<LineOrigin, LineOrigin>();
  return (text, origin = {}) => {
    const whole = known.get(origin) ?? { service, ...origin };
    known.set(origin, whole);
    log(text, whole);
  };
}

export function retry<T>(run: BuildRun, work: () => Promise<T>): Promise<T> {
  const { clock, retry: policy } = run.parts;
  return withRetry({ clock, policy, signal: run.signal, log: run.log }, work);
}

export function repositoryOf(run: BuildRun): Repository {
  const { repository: name } = run.build;
  const found = run.parts.repositories.find((repository) => repository.name === name);
  if (found === undefined)
    throw new AppError("not_found", `${name} is not configured any more; see "repositories" in mergedock.yml`);
  return found;
}

export function checkoutOf(run: BuildRun): Checkout {
  return known(run.checkout);
}

/** What an earlier stage has put there; it is missing only if the stages were run out of order. */
export function known<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("a stage ran before the one that it needs");
  return value;
}
