// What is stored and told of a build that failed.

import type { Failure, Stage } from "../core/build.ts";
import { type AppError, toAppError } from "../core/errors.ts";
import { explainFailure } from "../core/explain-failure.ts";
import { describeFailure, knownFailure, withFailure } from "../core/failure.ts";
import type { BuildLog } from "./build-log.ts";
import type { BuildRun, ImageRun } from "./build-run.ts";

const messageCharsMax = 4_000;
const lineCharsMax = 1_000;

/** `thrown`: by a stage. After an abort it does not matter how the work broke off, but why, and in which step. */
export function failureOf(run: BuildRun, log: BuildLog, stage: Stage, thrown: unknown): Failure {
  if (!run.signal.aborted) return toFailure(run, log, stage, toAppError(thrown));
  const { service, step } = knownFailure(toAppError(thrown));
  const where = { ...(service !== undefined && { service }), ...(step !== undefined && { step }) };
  return toFailure(run, log, stage, withFailure(toAppError(run.signal.reason), where));
}

/** The lines that the log ends with. */
export function tellFailure(run: BuildRun, failure: Failure): readonly string[] {
  return describeFailure(failure, dockerfileOf(imageOf(run, failure.service)));
}

function toFailure(run: BuildRun, log: BuildLog, stage: Stage, error: AppError): Failure {
  const known = knownFailure(error);
  const service = known.service ?? onlyService(run, stage);
  const number = known.step?.number ?? null;
  const lastLines = number === null ? [] : log.lastLines(service, number);
  const { message, step, hint, ...failure } = explainFailure(withFailure(error, { service }), { stage, lastLines });
  const cut = (text: string, charsMax: number) => log.mask(text).slice(0, charsMax).toWellFormed();
  return {
    ...failure,
    message: cut(message, messageCharsMax),
    step: step && { ...step, name: cut(step.name, lineCharsMax) },
    lastLines: failure.lastLines.map((line) => cut(line, lineCharsMax)),
    hint: hint && cut(hint, lineCharsMax),
    ...(step?.dockerfileLine == null ? {} : { dockerfile: dockerfileOf(imageOf(run, service)) }),
  };
}

/** Of a build of one image there is no question which. */
function onlyService({ images }: BuildRun, stage: Stage): string | null {
  const isOfImage = stage !== "queued" && stage !== "fetch" && stage !== "plan";
  return isOfImage && images.length === 1 ? (images[0]?.recipe.service ?? null) : null;
}

function imageOf({ images }: BuildRun, service: string | null): ImageRun | undefined {
  return images.find(({ recipe }) => recipe.service === service);
}

function dockerfileOf(image: ImageRun | undefined): string {
  const { context = ".", dockerfile = "Dockerfile" } = image?.recipe ?? {};
  return context === "." ? dockerfile : `${context.replace(/^\.\/|\/$/g, "")}/${dockerfile}`;
}
