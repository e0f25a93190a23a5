// Works on the images of a build: several at once up to a limit, each after those of the build that it needs.

import { AppError, toAppError } from "../core/errors.ts";
import type { BuildRun, ImageRun } from "./build-run.ts";

interface Failed {
  readonly service: string;
  readonly error: AppError;
}

/**
 * After the first failure nothing more is begun, since nothing of the build is going to be published; what runs goes on to its
 * end, so that its failure is told too, and its steps and its image are there for the next attempt. An abort ends all.
 * Throws what failed, in the name of its service.
 */
export async function inOrderOfNeeds(run: BuildRun, work: (image: ImageRun) => Promise<void>): Promise<void> {
  const waiting = new Set(run.images);
  const done = new Set<string>();
  const failed: Failed[] = [];
  const running = new Map<string, Promise<void>>();
  const isReady = ({ recipe }: ImageRun) =>
    recipe.needs.every((need) => done.has(need) || !run.images.some((image) => image.recipe.service === need));
  const begin = (image: ImageRun) => {
    const { service } = image.recipe;
    waiting.delete(image);
    const ending = work(image).then(
      () => void done.add(service),
      (thrown: unknown) => void failed.push({ service, error: toAppError(thrown) }),
    );
    running.set(
      service,
      ending.then(() => void running.delete(service)),
    );
  };
  const beginReady = () => {
    for (const image of waiting) {
      const isEnding = failed.length > 0 || run.signal.aborted;
      if (!isEnding && running.size < run.parts.parallelImagesMax && isReady(image)) begin(image);
    }
    return running.size > 0;
  };
  while (beginReady()) await Promise.race(running.values());
  // What was broken off knows in which step.
  if (failed.length === 0) run.signal.throwIfAborted();
  if (failed.length > 0) throw toFailure(run, failed, [...waiting]);
  if (waiting.size > 0) throw new Error("the needs of the images go in a circle");
}

/** What the user can mend goes before trouble of ours. One image alone needs no name. */
function toFailure(run: BuildRun, failed: readonly Failed[], waiting: readonly ImageRun[]): AppError {
  const [first, ...others] = failed.toSorted((a, b) => Number(isTrouble(a)) - Number(isTrouble(b)));
  if (first === undefined) throw new Error("nothing has failed");
  const { service, error } = first;
  const { failure } = error.details;
  const details = { ...error.details, failure: { ...(typeof failure === "object" ? failure : {}), service } };
  if (run.images.length === 1) return new AppError(error.code, error.message, { cause: error, details });
  const names = waiting.map(({ recipe }) => recipe.service);
  if (names.length > 0) run.log(`after the failure of ${service}, not built: ${names.join(", ")}`);
  const lines = [first, ...others].map((one) => `${one.service}: ${one.error.message}`);
  return new AppError(error.code, lines.join("\n"), { cause: error, details });
}

function isTrouble({ error }: Failed): boolean {
  return error.code === "unavailable" || error.code === "internal";
}
