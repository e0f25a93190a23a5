// What may end a running build from outside: the lease that ends, the time limit, and somebody who cancels it.

import type { Build } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import type { BuildParts } from "./build-run.ts";

/** A change may be missed while the notification's connection is renewed: then it is seen this much later. */
const lookMs = 5_000;

export interface Limits {
  /** Its reason is an AppError that says why. */
  readonly signal: AbortSignal;
  stop(): void;
}

export function watchLimits(parts: BuildParts, build: Build, lease: AbortSignal): Limits {
  const ending = new AbortController();
  const watching = new AbortController();
  const seconds = parts.buildMsMax / 1000;
  const timer = setTimeout(() => {
    ending.abort(new AppError("timeout", `the build took longer than ${seconds} s (limits.build_seconds_max)`));
  }, parts.buildMsMax);
  void watchCancel(parts, build, ending, watching.signal);
  const stop = () => {
    clearTimeout(timer);
    watching.abort();
  };
  return { signal: AbortSignal.any([lease, ending.signal]), stop };
}

async function watchCancel(
  { store }: BuildParts,
  { id }: Build,
  ending: AbortController,
  watching: AbortSignal,
): Promise<void> {
  while (!watching.aborted) {
    // Asked before the look: what happens between the two is not waited for. A database that is away is the stages' trouble.
    const change = store.changed(id, lookMs, watching).catch(() => undefined);
    const reason = await store.cancelReason(id).catch(() => null);
    if (reason !== null && !watching.aborted) return ending.abort(new AppError("cancelled", reason));
    await change;
  }
}
