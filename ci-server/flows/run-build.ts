// Runs one build: the stages in order, each recorded with its time; the end is stored whatever it is.

import type { Failure, Stage } from "../core/build.ts";
import { AppError, toAppError } from "../core/errors.ts";
import { resultOf } from "../core/result.ts";
import { BuildLog } from "./build-log.ts";
import type { BuildParts, BuildRun } from "./build-run.ts";
import { buildImages, fetchCommit, planRecipes, proveImages, pushImages } from "./stages.ts";

const stages: readonly { readonly name: Stage; readonly run: (run: BuildRun) => Promise<void> }[] = [
  { name: "fetch", run: fetchCommit },
  { name: "plan", run: planRecipes },
  { name: "build", run: buildImages },
  { name: "push", run: pushImages },
  { name: "prove", run: proveImages },
];

/** Returns when the build has ended, however it did. Throws when it has to be given back: `signal` aborted, or it cannot be recorded. */
export async function runBuild(parts: BuildParts, buildId: number, signal: AbortSignal): Promise<void> {
  const { store, clock, logBytesMax: bytesMax } = parts;
  const build = await store.begin(buildId);
  if (build === null || build.result !== null) return;
  const log = new BuildLog({ store, clock, buildId, bytesMax, lastSeq: await store.lastLogSeq(buildId) });
  const progress: { stage: Stage } = { stage: "queued" };
  const deadline = AbortSignal.timeout(parts.buildMsMax);
  const run: BuildRun = {
    parts,
    build,
    signal: AbortSignal.any([signal, deadline]),
    log: (text) => log.write(progress.stage, text),
    checkout: null,
    recipes: [],
    built: new Map(),
    digests: new Map(),
    images: [],
  };
  if (build.attempts > 1) run.log(`attempt ${build.attempts}: the one before was broken off`);
  const failure = await runStages(run, progress, deadline);
  if (signal.aborted) await log.close(progress.stage).finally(() => signal.throwIfAborted());
  run.log(failure === null ? "success" : `${resultOf(failure.code)}: ${failure.message}`);
  await log.close(progress.stage);
  await store.finish(buildId, {
    result: failure === null ? "success" : resultOf(failure.code),
    failure,
    images: run.images,
  });
}

/** Null when all of them succeeded. */
async function runStages(run: BuildRun, progress: { stage: Stage }, deadline: AbortSignal): Promise<Failure | null> {
  for (const { name, run: work } of stages) {
    progress.stage = name;
    const failure = await runStage(run, name, work, deadline);
    if (failure !== null) return failure;
  }
  return null;
}

async function runStage(
  run: BuildRun,
  name: Stage,
  work: (run: BuildRun) => Promise<void>,
  deadline: AbortSignal,
): Promise<Failure | null> {
  const { store, clock } = run.parts;
  await store.stageStarted(run.build.id, name);
  const startedMs = clock.monotonicMs();
  let failure: Failure | null = null;
  try {
    run.signal.throwIfAborted();
    await work(run);
  } catch (thrown) {
    const error = deadline.aborted ? tooLong(run.parts.buildMsMax, thrown) : toAppError(thrown);
    failure = { code: error.code, message: error.message };
  }
  const result = failure === null ? "success" : resultOf(failure.code);
  await store.stageEnded(run.build.id, name, clock.monotonicMs() - startedMs, result);
  return failure;
}

function tooLong(buildMsMax: number, cause: unknown): AppError {
  return new AppError("timeout", `the build took longer than ${buildMsMax / 1000} s (limits.build_seconds_max)`, {
    cause,
  });
}
