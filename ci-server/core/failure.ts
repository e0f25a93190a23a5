// The words for what may go wrong with a build; explain-failure.ts finds the ones that fit.

import { AppError, type ErrorCode } from "./errors.ts";

export const failureKinds = [
  /** The Dockerfile cannot be read as one. */
  "dockerfile",
  /** A step of it ended with an exit code. */
  "step",
  /** A file that the build needs is not in its context. */
  "context",
  /** An image that it is FROM cannot be had. */
  "base_image",
  "timeout",
  /** Something took more than it may: memory, bytes. */
  "limit",
  "registry",
  "git",
  /** A version's tag has other content already. */
  "tag_exists",
  /** No room on the engine's or the server's disk. */
  "disk",
  /** The repository's own .mergedock.yml, or what the server allows of it. */
  "recipe",
  "secret",
  "cancelled",
  "engine",
  /** What the repository holds: submodules, LFS, its size. */
  "source",
  "internal",
] as const;
export type FailureKind = (typeof failureKinds)[number];

/** `number`: as the log counts steps; null where the Dockerfile was not run. `dockerfileLine` counts from 1. */
export interface FailedStep {
  readonly number: number | null;
  /** As BuildKit names it: `[2/3] RUN npm ci`; or the line of the Dockerfile. */
  readonly name: string;
  readonly dockerfileLine: number | null;
  readonly exitCode: number | null;
}

export interface FailureDetails {
  readonly kind: FailureKind;
  /** The image that was being made; null where it is the build's as a whole. */
  readonly service: string | null;
  readonly step: FailedStep | null;
  /** What the failing step printed last: at most 20 lines. */
  readonly lastLines: readonly string[];
  /** One thing to do next. */
  readonly hint: string | null;
}

/** What whoever throws knows of it; all else is found out later. */
export type KnownFailure = Partial<FailureDetails>;

/** An error that says of itself how a build that it ends has failed. */
export function failedBuild(code: ErrorCode, message: string, failure: KnownFailure, cause?: unknown): AppError {
  return new AppError(code, message, { cause, details: { failure } });
}

export function knownFailure(error: AppError): KnownFailure {
  // Nobody but `failedBuild` and `withFailure` writes this field.
  return (error.details.failure as KnownFailure | undefined) ?? {};
}

/** The same error with what is known in addition; what it says itself stays. */
export function withFailure(error: AppError, failure: KnownFailure): AppError {
  const details = { ...error.details, failure: { ...failure, ...knownFailure(error) } };
  return new AppError(error.code, error.message, { cause: error.cause ?? error, details });
}

const lineCharsMax = 500;

/** For people: what failed and where, its last lines, what to do next. `place`: the Dockerfile's path. The message stands before it. */
export function describeFailure({ kind, service, step, lastLines, hint }: FailureDetails, place: string): string[] {
  const said: [string, string | null][] = [
    ["kind", kind],
    ["service", service],
    ["step", step === null || step.number === null ? null : `#${step.number} ${step.name}`],
    ["where", step === null || step.dockerfileLine === null ? null : `${place}:${step.dockerfileLine}`],
    ["exit code", step === null || step.exitCode === null ? null : String(step.exitCode)],
    ["last lines", lastLines.length === 0 ? null : ""],
  ];
  const rows = said.flatMap(([name, value]) => (value === null ? [] : [`  ${name.padEnd(11)}${value}`.trimEnd()]));
  const lines = lastLines.map((line) => `    | ${line.slice(0, lineCharsMax)}`);
  return [...rows, ...lines, ...(hint === null ? [] : [`  ${"next".padEnd(11)}${hint}`])];
}
