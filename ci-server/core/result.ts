// Which result an error gives a build: `failure` is the user's to mend, `error` is ours.

import type { Result } from "./build.ts";
import type { ErrorCode } from "./errors.ts";
import type { FailureKind } from "./failure.ts";

const results: Readonly<Record<ErrorCode, Result>> = {
  invalid: "failure",
  build_failed: "failure",
  not_found: "failure",
  conflict: "failure",
  too_large: "failure",
  unsupported: "failure",
  not_implemented: "failure",
  misdirected: "error",
  rate_limited: "error",
  timeout: "timeout",
  cancelled: "cancellation",
  unauthorized: "error",
  forbidden: "error",
  unavailable: "error",
  internal: "error",
};

/** A full disk and an engine that lacks something are ours to mend, whoever has found it. */
export function resultOf(code: ErrorCode, kind?: FailureKind): Result {
  return kind === "disk" || kind === "engine" ? "error" : results[code];
}
