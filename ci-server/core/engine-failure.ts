// What an engine knows of a build that failed: it stands in the `details.failure` of the error.

export type EngineFailureKind = "dockerfile" | "step" | "context" | "base_image" | "secret" | "limit" | "disk";

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

export interface FailedStep {
  /** The number that the log's lines bear; null where the Dockerfile could not be read. */
  readonly number: number | null;
  /** As BuildKit names it: `[2/3] RUN npm ci`; or the line of the Dockerfile. */
  readonly name: string;
  /** Counts from 1. */
  readonly dockerfileLine: number | null;
  readonly exitCode: number | null;
}
