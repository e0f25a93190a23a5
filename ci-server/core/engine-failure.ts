// What an engine knows of a build that failed: it stands in the `details.failure` of the error.

import type { FailedStep, FailureKind } from "./failure.ts";

export type EngineFailureKind = Extract<
  FailureKind,
  "dockerfile" | "step" | "context" | "base_image" | "secret" | "limit" | "disk"
>;

export interface EngineFailure {
  readonly kind: EngineFailureKind;
  /** Null where it is no step's. */
  readonly step: FailedStep | null;
  /** The Dockerfile's stage; null where it has one without a name. */
  readonly stage: string | null;
  /** In the engine's words, without its own inner workings. */
  readonly errorText: string;
  /** What to do next, where the engine's words leave no doubt. */
  readonly hint: string | null;
}
