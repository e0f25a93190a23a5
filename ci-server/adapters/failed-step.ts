// Adds to what the engine says of a failed build what its trace and the Dockerfile know: which step, which line, which exit code.

import { AppError } from "../core/errors.ts";
import { type FailedStep, knownFailure, withFailure } from "../core/failure.ts";
import type { BuilderRequest } from "../core/ports.ts";
import { lineOfMessage, lineOfStep } from "../core/step-line.ts";
import type { BuildkitTrace } from "./buildkit-trace.ts";
import { readDockerfile } from "./read-dockerfile.ts";

/** For whatever `build` throws; what is no AppError stays as it is. */
export async function withFailedStep(
  thrown: unknown,
  { recipe, checkout }: BuilderRequest,
  trace: BuildkitTrace,
): Promise<unknown> {
  if (!(thrown instanceof AppError)) return thrown;
  const { service } = recipe;
  if (knownFailure(thrown).step !== undefined || !["build_failed", "timeout", "cancelled"].includes(thrown.code))
    return withFailure(thrown, { service });
  const dockerfile = (await readDockerfile({ ...recipe, folder: checkout.folder })) ?? "";
  const step = thrown.code === "build_failed" ? failedStep(thrown, trace, dockerfile) : runningStep(trace, dockerfile);
  return withFailure(thrown, { service, step });
}

function failedStep({ message }: AppError, trace: BuildkitTrace, dockerfile: string): FailedStep | null {
  // 20.10: `executor failed running [/bin/sh -c false]: exit code: 1`; from 23 on:
  // `process "/bin/sh -c false" did not complete successfully: exit code: 1`.
  const exitCode = /: exit code: (\d+)\s*$/.exec(message)?.[1];
  const failed = trace.failed(message);
  if (failed !== null) {
    const dockerfileLine =
      lineOfStep(dockerfile, failed.name)?.line ?? lineOfMessage(dockerfile, message)?.line ?? null;
    return { ...failed, dockerfileLine, exitCode: exitCode === undefined ? null : Number(exitCode) };
  }
  const found = lineOfMessage(dockerfile, message);
  return found && { number: null, name: found.text, dockerfileLine: found.line, exitCode: null };
}

function runningStep(trace: BuildkitTrace, dockerfile: string): FailedStep | null {
  const running = trace.running();
  return running && { ...running, dockerfileLine: lineOfStep(dockerfile, running.name)?.line ?? null, exitCode: null };
}
