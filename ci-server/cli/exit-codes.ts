// What the program's exit code says. Source: the shells' own (130, 141) and timeout(1)'s (124) where there is one.

import type { Result } from "../core/build.ts";
import type { ErrorCode } from "../core/errors.ts";

export const exitCodes = {
  ok: 0,
  buildFailed: 1,
  usage: 2,
  system: 3,
  timeout: 124,
  interrupted: 130,
  brokenPipe: 141,
} as const;

/** For the help and the manual. */
export const exitCodesText = `  0    done; of a build that was followed: success, or nothing to build
  1    the build has failed or was cancelled: there is no image; the image is not verified;
       a webhook does not work
  2    what was typed cannot be done: usage, configuration, a build that there is not
  3    no server, a refused token, or trouble of the server's, of the engine's or of the registry's
  124  the build took too long
  130  interrupted; a build that was followed goes on
  141  nobody reads the output any more`;

/** A cancelled build has left no image, as a failed one: scripts that wait for it must not go on. */
const ofResult: Readonly<Record<Result, number>> = {
  success: exitCodes.ok,
  skip: exitCodes.ok,
  failure: exitCodes.buildFailed,
  cancellation: exitCodes.buildFailed,
  error: exitCodes.system,
  timeout: exitCodes.timeout,
};

const ofUsage: readonly ErrorCode[] = ["invalid", "not_found", "conflict", "unsupported", "too_large"];

export function exitCodeOfResult(result: Result): number {
  return ofResult[result];
}

export function exitCodeOfError(code: ErrorCode): number {
  if (code === "timeout") return exitCodes.timeout;
  return ofUsage.includes(code) ? exitCodes.usage : exitCodes.system;
}
