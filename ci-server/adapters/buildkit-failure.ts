// Reads what BuildKit says when a build fails, in the words of engine 20.10 and of those since 23.

import { type BuildStep, buildStepCharsMax } from "../core/build-step.ts";
import { dockerfileLine, parseStepName } from "../core/dockerfile-line.ts";
import type { EngineFailure, EngineFailureKind } from "../core/engine-failure.ts";
import { AppError } from "../core/errors.ts";
import { type FailedStep, withFailure } from "../core/failure.ts";
import { baseImageError } from "./base-image-error.ts";
import type { TraceFailure } from "./buildkit-trace.ts";

export interface FailedBuild {
  readonly error: AppError;
  readonly failures: readonly TraceFailure[];
  /** Null where it cannot be read. */
  readonly dockerfile: string | null;
  readonly target: string | null;
}

/** The same error with what is known of it in `details.failure`; an error that is not of the user's making, as it is. */
export function explainFailure({ error, failures, dockerfile, target }: FailedBuild): AppError {
  if (error.code !== "build_failed" || error.details.statusCode !== undefined) return error;
  const errorText = plainWords(error.message);
  if (/\bno active session\b/.test(errorText))
    return new AppError("unavailable", `the engine has lost the build's session: ${errorText}`, { cause: error });
  const culprit = findCulprit(error.message, failures);
  const ran = culprit?.step == null ? null : toFailedStep(culprit.step, errorText, dockerfile);
  const base = culprit === null ? null : baseOf(culprit.name);
  if (base !== null) {
    const noBase = baseImageError(base, errorText, error);
    return ran === null ? noBase : withFailure(noBase, { step: ran });
  }
  const step = ran ?? unreadableLine(errorText, dockerfile);
  const kind = kindOf(errorText, ran);
  const failure: EngineFailure = {
    ...{ kind, step, errorText, hint: hintOf(errorText) },
    stage: (ran === null ? null : parseStepName(ran.name)?.stage) ?? target,
  };
  return new AppError("build_failed", errorText, { cause: error, details: { failure } });
}

/** The same error with the step that was broken off by it. */
export function withRunningStep(error: AppError, running: BuildStep | null, dockerfile: string | null): AppError {
  if (running === null) return error;
  const { number, name } = running;
  const line = dockerfile === null ? null : dockerfileLine(dockerfile, name);
  return withFailure(error, { step: { number, name, dockerfileLine: line, exitCode: null } });
}

/** 128 and the number of SIGKILL, which is how the kernel keeps a control group within its memory. */
const killed = 137;

/** Steps that ran beside it were broken off and have errors too. */
function findCulprit(message: string, failures: readonly TraceFailure[]): TraceFailure | null {
  const own = failures.filter(({ error }) => !/^(?:rpc error: .*)?context canceled/.test(error));
  return own.find(({ error }) => message.includes(error)) ?? own[0] ?? null;
}

function baseOf(name: string): string | null {
  return /^\[internal\] load metadata for (\S+)/.exec(name)?.[1] ?? /^\[[^\]]*\] FROM (\S+)/.exec(name)?.[1] ?? null;
}

const innerWorkings = [
  /^failed to solve(?: with frontend \S+)?: /,
  /^failed to create LLB definition: /,
  /^failed to compute cache key: /,
  /^failed to calculate checksum of ref \S+: /,
  /^failed to load LLB: /,
];

function plainWords(message: string): string {
  const inner = innerWorkings.find((pattern) => pattern.test(message));
  return inner === undefined ? message : plainWords(message.replace(inner, ""));
}

function toFailedStep(
  { number, name }: NonNullable<TraceFailure["step"]>,
  errorText: string,
  dockerfile: string | null,
): FailedStep {
  const exitCode = /exit code: (\d+)$/.exec(errorText)?.[1];
  return {
    ...{ number, name },
    dockerfileLine: dockerfile === null ? null : dockerfileLine(dockerfile, name),
    exitCode: exitCode === undefined ? null : Number(exitCode),
  };
}

/** 20.10 says `secret x not found`, later ones `secret x: not found`. */
const missingSecret = /^secret (\S+?):? not found/;

function kindOf(errorText: string, step: FailedStep | null): EngineFailureKind {
  if (/no space left on device/.test(errorText)) return "disk";
  if (step === null) return "dockerfile";
  if (step.exitCode === killed) return "limit";
  if (missingSecret.test(errorText)) return "secret";
  const isCopy = /^\[[^\]]*\] (?:COPY|ADD) /i.test(step.name);
  return isCopy && /: not found\b|no such file or directory/.test(errorText) ? "context" : "step";
}

function hintOf(errorText: string): string | null {
  const secret = missingSecret.exec(errorText)?.[1];
  if (secret !== undefined) return `name ${secret} in the image's "secrets", and give its file in mergedock.yml`;
  if (/network\.host is not allowed/.test(errorText)) return "steps have no access to the host's network";
  return null;
}

/** 20.10 says `parse error line 2`, later ones `parse error on line 2`. */
function unreadableLine(errorText: string, dockerfile: string | null): FailedStep | null {
  const line = Number(/\bdockerfile parse error (?:on )?line (\d+)/.exec(errorText)?.[1]);
  if (!Number.isSafeInteger(line)) return null;
  const name = (dockerfile?.split("\n")[line - 1] ?? "").trim().slice(0, buildStepCharsMax);
  return { number: null, name, dockerfileLine: line, exitCode: null };
}
