// Brings an image to the further registries that its recipe names, each with a result of its own.

import { AppError, toAppError } from "../../core/errors.ts";
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

/** What did not get where it was asked to go is no success. Trouble that passes gives the build back, and only the copy is tried again. */
export function refuseFailed({ images }: BuildRun): void {
  for (const { destinations } of images) for (const { error } of destinations) if (error !== null) throw error;
}

async function copyTo(run: BuildRun, image: ImageRun, destination: string): Promise<CopyOutcome> {
  const { signal, log } = run;
  const { recipe, tags, immutable } = image;
  const digest = known(image.digest);
  const reference = `${destination}@${digest}`;
  const fence = () => run.lease.confirm();
  try {
    const copy = { image: recipe.image, digest, destination, tags, immutable, fence, signal, log };
    await retry(run, () => run.parts.destinations.copy(copy));
    return { reference, error: null };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message, details } = toAppError(thrown);
    return {
      reference,
      error: new AppError(code, `pushing to ${destination} failed: ${message}`, { cause: thrown, details }),
    };
  }
}
