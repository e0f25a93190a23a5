// Brings an image to the further registries that its recipe names, each with a result of its own.

import { AppError, toAppError } from "../../core/errors.ts";
import { tagsLock } from "../../core/image-ref.ts";
import type { Locked } from "../../core/ports.ts";
import type { BuildRun, CopyOutcome, ImageRun } from "../build-run.ts";
import { known, retry } from "./of-run.ts";

/** One that fails keeps none of the others from getting it; `refuseFailed` says so once all of them had their turn. */
export async function distribute(run: BuildRun, image: ImageRun): Promise<void> {
  for (const destination of image.recipe.pushTo) {
    const result = await copyTo(run, image, destination);
    image.destinations = [...image.destinations, result];
    run.log(
      result.error === null ? `${result.reference} is there too` : `${result.reference}: ${result.error.message}`,
    );
  }
}

/** What is said of an image has to be where the image is. A destination keeps its own result: the image that came before is there. */
export async function distributeAttestations(run: BuildRun, image: ImageRun, locked: Locked): Promise<void> {
  for (const [index, destination] of image.recipe.pushTo.entries()) {
    const error = await copyAttestations(run, { image, destination, locked });
    const { reference } = known(image.destinations[index]);
    image.destinations = image.destinations.with(index, { reference, error });
    run.log(error === null ? `${reference} is attested there too` : `${reference}: ${error.message}`);
  }
}

/** What did not get where it was asked to go is no success. Trouble that passes gives the build back, and only the copy is tried again. */
export function refuseFailed({ images }: BuildRun): void {
  for (const { destinations } of images) for (const { error } of destinations) if (error !== null) throw error;
}

async function copyTo(run: BuildRun, image: ImageRun, destination: string): Promise<CopyOutcome> {
  const { signal, log } = run;
  const { recipe, immutable } = image;
  const digest = known(image.digest);
  const reference = `${destination}@${digest}`;
  const { store, destinations } = run.parts;
  const fence = () => run.lease.confirm();
  try {
    const copy = { image: recipe.image, digest, destination, immutable, fence, signal, log };
    await retry(run, () => destinations.copy({ ...copy, tags: [], immutable: [] }));
    // A later build may have moved a tag on meanwhile, here and there: what holds here holds there.
    await retry(run, () =>
      store.lock(tagsLock(recipe.image), signal, async () =>
        destinations.copy({ ...copy, tags: await stillNamed(run, image) }),
      ),
    );
    return { reference, error: null };
  } catch (thrown) {
    signal.throwIfAborted();
    return { reference, error: failed(`pushing to ${destination}`, thrown) };
  }
}

interface CopyingAttestations {
  readonly image: ImageRun;
  readonly destination: string;
  readonly locked: Locked;
}

async function copyAttestations(
  run: BuildRun,
  { image, destination, locked }: CopyingAttestations,
): Promise<AppError | null> {
  const { signal, log } = run;
  const { recipe, attestations } = image;
  const what = { image: recipe.image, digest: known(image.digest), referrers: attestations.map((one) => one.digest) };
  const fence = () => run.lease.confirm();
  try {
    const request = { ...what, destination, locked, fence, signal, log };
    await retry(run, () => run.parts.destinations.copyReferrers(request));
    return null;
  } catch (thrown) {
    signal.throwIfAborted();
    return failed(`pushing the attestations to ${destination}`, thrown);
  }
}

function failed(what: string, thrown: unknown): AppError {
  const { code, message, details } = toAppError(thrown);
  return new AppError(code, `${what} failed: ${message}`, { cause: thrown, details });
}

/** Those of the image's tags that only go forward, and have not gone on to a later image; and all others. */
async function stillNamed(run: BuildRun, { recipe, tags, digest }: ImageRun): Promise<string[]> {
  const asked = tags.map(async (tag) => {
    if (!recipe.forwardTags.includes(tag)) return [tag];
    const there = await run.parts.registry.manifest(recipe.image, tag, run.signal);
    return there?.digest === digest ? [tag] : [];
  });
  return (await Promise.all(asked)).flat();
}
