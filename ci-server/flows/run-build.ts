// Runs one build: the stages in order, each recorded with its time; the end is stored whatever it is.

import type { Build, Destination, Failure, Image, Result, Stage } from "../core/build.ts";
import { cleanText } from "../core/clean-text.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { digestReference } from "../core/image-ref.ts";
import type { Lease } from "../core/ports.ts";
import { resultOf } from "../core/result.ts";
import { BuildLog } from "./build-log.ts";
import type { BuildParts, BuildRun, CopyOutcome } from "./build-run.ts";
import { attestImages } from "./stages/attest.ts";
import { buildImages } from "./stages/build.ts";
import { fetchCommit } from "./stages/fetch.ts";
import { planRecipes } from "./stages/plan.ts";
import { proveImages } from "./stages/prove.ts";
import { pushImages } from "./stages/push.ts";
import { watchLimits } from "./watch-limits.ts";

const failureCharsMax = 4_000;

const stages: readonly { readonly name: Stage; readonly run: (run: BuildRun) => Promise<void> }[] = [
  { name: "fetch", run: fetchCommit },
  { name: "plan", run: planRecipes },
  { name: "build", run: buildImages },
  { name: "push", run: pushImages },
  { name: "prove", run: proveImages },
  { name: "attest", run: attestImages },
];

/**
 * Returns when the build has ended, however it did. Throws when it is given back: the lease has ended, trouble of
 * ours, or it cannot be recorded.
 */
export async function runBuild(parts: BuildParts, buildId: number, lease: Lease): Promise<void> {
  const { store, clock, logBytesMax: bytesMax } = parts;
  await lease.confirm();
  const build = await store.begin(buildId);
  if (build === null || build.result !== null) return;
  const at = { buildId, attempt: build.attempts };
  const log = new BuildLog({ store, clock, at, bytesMax, lastSeq: await store.lastLogSeq(buildId) });
  const limits = watchLimits(parts, build, lease.signal);
  const progress: { stage: Stage } = { stage: "queued" };
  const write = (text: string) => log.write(progress.stage, text);
  const run = newRun({ parts, build, at, lease, signal: limits.signal, log: write });
  try {
    const failure = (await refuseBroken(parts, build)) ?? (await runStages(run, progress));
    const back = failure === null ? null : reasonToGiveBack(run, failure);
    if (back !== null) await giveBack(run, log, progress.stage, back);
    const result = failure === null ? resultWithout(run) : resultOf(failure.code);
    const why = failure?.message ?? run.skipReason;
    write(why === null ? result : `${result}: ${why}`);
    await log.close(progress.stage);
    await store.finish(at, { result, failure, images: toImages(run) });
  } finally {
    limits.stop();
    run.checkout?.release();
  }
}

function newRun(given: Pick<BuildRun, "parts" | "build" | "at" | "lease" | "signal" | "log">): BuildRun {
  if (given.at.attempt > 1) given.log(`attempt ${given.at.attempt}`);
  return { ...given, checkout: null, skipReason: null, images: [], found: [] };
}

/** Those that are proven to be in the registry. */
function toImages({ parts, images }: BuildRun): Image[] {
  return images.flatMap((image) => {
    const { recipe, needed: _needed, digest, bytes, built, reusedId, ...more } = image;
    if (digest === null || bytes === null) return [];
    const { immutable: _kept, destinations: copies, ...rest } = more;
    const { service, image: path } = recipe;
    const reference = digestReference(parts.pushHost, path, digest);
    const destinations = copies.map((copy) => toDestination(copy));
    const imageId = built?.imageId ?? reusedId ?? "";
    return [{ ...rest, service, reference, path, digest, bytes, destinations, imageId }];
  });
}

function toDestination({ reference, error }: CopyOutcome): Destination {
  return { reference, result: error === null ? "success" : "error", message: error?.message ?? null };
}

/** Of a build without a failure. */
function resultWithout({ skipReason }: BuildRun): Result {
  return skipReason === null ? "success" : "skip";
}

/** A build that takes its worker with it, again and again, must not do so for ever. */
async function refuseBroken({ store, brokenAttemptsMax }: BuildParts, build: Build): Promise<Failure | null> {
  if (build.attempts <= brokenAttemptsMax) return null;
  const broken = (await store.attempts(build.id)).slice(0, -1).filter(({ outcome }) => outcome === null);
  if (broken.length < brokenAttemptsMax) return null;
  const history = broken.map(({ attempt, stage }) => `attempt ${attempt} in ${stage ?? "queued"}`).join(", ");
  const message = `its worker died ${broken.length} times (${history}); look at the server's log, then ask for it again`;
  return { code: "internal", message };
}

/** Trouble of ours is no result, until it has lasted too long; null when the failure is one. */
function reasonToGiveBack(run: BuildRun, failure: Failure): string | null {
  const { signal } = run.lease;
  if (signal.aborted)
    return `${toAppError(signal.reason).message}: the build is given back, and begins anew elsewhere or later`;
  const { clock, troubleMsMax } = run.parts;
  const isTooLate = clock.now().getTime() - run.build.createdAt.getTime() >= troubleMsMax;
  if (failure.code !== "unavailable" || isTooLate) return null;
  return `${failure.message}; the build is given back, and tried again until ${troubleMsMax / 1000} s after it was asked for`;
}

async function giveBack({ parts, at }: BuildRun, log: BuildLog, stage: Stage, reason: string): Promise<never> {
  log.write(stage, reason);
  await log.close(stage);
  await parts.store.giveBack(at);
  throw new AppError("unavailable", reason);
}

/** Null when all of them succeeded, or one of them found that there is nothing to build. */
async function runStages(run: BuildRun, progress: { stage: Stage }): Promise<Failure | null> {
  for (const { name, run: work } of stages) {
    progress.stage = name;
    const failure = await runStage(run, name, work);
    if (failure !== null || run.skipReason !== null) return failure;
  }
  return null;
}

async function runStage(run: BuildRun, name: Stage, work: (run: BuildRun) => Promise<void>): Promise<Failure | null> {
  const { store, clock } = run.parts;
  await store.stageStarted(run.at, name);
  const startedMs = clock.monotonicMs();
  let failure: Failure | null = null;
  try {
    run.signal.throwIfAborted();
    await work(run);
  } catch (thrown) {
    // After an abort it does not matter how the work broke off, but why.
    const error = toAppError(run.signal.aborted ? run.signal.reason : thrown);
    failure = { code: error.code, message: cleanText(error.message).slice(0, failureCharsMax) };
  }
  const result = failure === null ? "success" : resultOf(failure.code);
  await store.stageEnded(run.at, name, clock.monotonicMs() - startedMs, result);
  return failure;
}
