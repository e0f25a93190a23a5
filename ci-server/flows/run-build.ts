// Runs one build: the stages in order, each recorded with its time; the end is stored whatever it is.

import type { Destination, Failure, Image, Result, Stage } from "../core/build.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { digestReference } from "../core/image-ref.ts";
import type { AttemptEnd, Lease, StageEnd, WriteLine } from "../core/ports.ts";
import { resultOf } from "../core/result.ts";
import { failureOf, tellFailure } from "./build-failure.ts";
import { BuildLog } from "./build-log.ts";
import type { BuildParts, BuildRun, CopyOutcome } from "./build-run.ts";
import { attestImages } from "./stages/attest.ts";
import { buildImages } from "./stages/build.ts";
import { fetchCommit } from "./stages/fetch.ts";
import { planRecipes } from "./stages/plan.ts";
import { proveImages } from "./stages/prove.ts";
import { pushImages } from "./stages/push.ts";
import { watchLimits } from "./watch-limits.ts";

interface StageWork {
  readonly name: Stage;
  readonly run: (run: BuildRun) => Promise<void>;
}

const stages: readonly StageWork[] = [
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
  const { store, clock } = parts;
  await lease.confirm();
  const build = await store.begin(buildId);
  if (build === null || build.result !== null) return;
  const at = { buildId, attempt: build.attempts };
  const limit = { lines: parts.logLinesMax, bytes: parts.logBytesMax };
  const log = new BuildLog({ store, clock, at, limit, stored: await store.logSize(buildId) });
  log.hide(parts.hidden);
  const limits = watchLimits(parts, build, lease.signal);
  const progress: { stage: Stage } = { stage: "queued" };
  const write: WriteLine = (text, origin) => log.write(progress.stage, text, origin);
  const watch = parts.observer.begun(build, at);
  const run = newRun({ parts, build, at, lease, watch, signal: limits.signal, log: write, ...handlesOf(log) });
  let end: AttemptEnd | null = null;
  try {
    const failure = (await refuseBroken(run, log)) ?? (await runStages(run, log, progress));
    const back = failure === null ? null : reasonToGiveBack(run, failure);
    if (back !== null) await giveBack(run, log, progress.stage, back);
    const result = failure === null ? resultWithout(run) : resultOf(failure.code, failure.kind);
    const why = failure?.message ?? run.skipReason;
    write(why === null ? result : `${result}: ${why}`);
    if (failure !== null) for (const line of tellFailure(run, failure)) write(line);
    await log.close();
    const made = { result, failure, images: toImages(run) };
    await store.finish(at, made);
    end = made;
  } finally {
    watch.ended(end, log.droppedLines);
    limits.stop();
    run.checkout?.release();
  }
}

type Given = Pick<BuildRun, "parts" | "build" | "at" | "lease" | "watch" | "signal" | "log" | "hide" | "mask">;

function newRun(given: Given): BuildRun {
  if (given.at.attempt > 1) given.log(`attempt ${given.at.attempt}`);
  return { ...given, secrets: new Map(), checkout: null, skipReason: null, images: [], found: [] };
}

function handlesOf(log: BuildLog): Pick<BuildRun, "hide" | "mask"> {
  return { hide: (values) => log.hide(values), mask: (text) => log.mask(text) };
}

/** Those that are proven to be in the registry. */
function toImages({ parts, images, mask }: BuildRun): Image[] {
  return images.flatMap((image) => {
    const { recipe, needed: _needed, digest, bytes, built, reusedId, ...more } = image;
    if (digest === null || bytes === null) return [];
    const { immutable: fixedTags, destinations: copies, ...rest } = more;
    const { service, image: path } = recipe;
    const reference = digestReference(parts.pushHost, path, digest);
    const destinations = copies.map((copy) => toDestination(copy, mask));
    const imageId = built?.imageId ?? reusedId ?? "";
    return [{ ...rest, service, reference, path, digest, bytes, fixedTags, destinations, imageId }];
  });
}

function toDestination({ reference, error }: CopyOutcome, mask: BuildRun["mask"]): Destination {
  return error === null
    ? { reference, result: "success", message: null }
    : { reference, result: "error", message: mask(error.message) };
}

/** Of a build without a failure. */
function resultWithout({ skipReason }: BuildRun): Result {
  return skipReason === null ? "success" : "skip";
}

/** A build that takes its worker with it, again and again, must not do so for ever. */
async function refuseBroken(run: BuildRun, log: BuildLog): Promise<Failure | null> {
  const { build } = run;
  const { store, brokenAttemptsMax } = run.parts;
  if (build.attempts <= brokenAttemptsMax) return null;
  const broken = (await store.attempts(build.id)).slice(0, -1).filter(({ outcome }) => outcome === null);
  if (broken.length < brokenAttemptsMax) return null;
  const history = broken.map(({ attempt, stage }) => `attempt ${attempt} in ${stage ?? "queued"}`).join(", ");
  const message = `its worker died ${broken.length} times (${history}); look at the server's log, then ask for it again`;
  return failureOf(run, log, "queued", new AppError("internal", message));
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
  await log.close();
  await parts.store.giveBack(at);
  throw new AppError("unavailable", reason);
}

/** Null when all of them succeeded, or one of them found that there is nothing to build. */
async function runStages(run: BuildRun, log: BuildLog, progress: { stage: Stage }): Promise<Failure | null> {
  const { store } = run.parts;
  let ended: StageEnd | null = null;
  for (const stage of stages) {
    progress.stage = stage.name;
    // A stage's end and the next one's beginning are one moment, and one commit.
    await store.stageStarted(run.at, stage.name, ended);
    ended = await runStage(run, log, stage);
    if (ended.failure !== null || run.skipReason !== null) break;
  }
  if (ended === null) return null;
  await store.stageEnded(run.at, ended);
  return ended.failure;
}

async function runStage(run: BuildRun, log: BuildLog, { name: stage, run: work }: StageWork): Promise<StageEnd> {
  const { clock } = run.parts;
  run.watch.stageStarted(stage);
  const startedMs = clock.monotonicMs();
  let failure: Failure | null = null;
  try {
    run.signal.throwIfAborted();
    await work(run);
  } catch (thrown) {
    failure = failureOf(run, log, stage, thrown);
  }
  const result = failure === null ? "success" : resultOf(failure.code, failure.kind);
  const ended = { stage, ms: clock.monotonicMs() - startedMs, result, failure };
  run.watch.stageEnded(ended);
  return ended;
}
