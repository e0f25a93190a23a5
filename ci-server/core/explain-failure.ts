// Makes of an error what a person needs to mend it: what kind of failure it is, in which step, and what to do next.

import type { Failure, Stage } from "./build.ts";
import type { AppError, ErrorCode } from "./errors.ts";
import { type FailureKind, knownFailure } from "./failure.ts";
import { hintFor } from "./failure-hint.ts";
import { overLimit } from "./over-limit.ts";

export interface FailureContext {
  readonly stage: Stage;
  /** What the failing step printed last. */
  readonly lastLines: readonly string[];
}

export function explainFailure(error: AppError, { stage, lastLines }: FailureContext): Failure {
  const { code, message } = error;
  const known = knownFailure(error);
  const step = known.step ?? null;
  const text = [message, ...lastLines].join("\n");
  // Of a step that has failed its own words may say more.
  const isSaid = known.kind !== undefined && known.kind !== "step";
  const kind = isSaid
    ? known.kind
    : kindOf({ code, message, stage, text, stepName: step?.name ?? "", exitCode: step?.exitCode ?? null });
  return {
    ...{ code, message, kind, service: known.service ?? null, step },
    lastLines: known.lastLines ?? lastLines,
    hint: known.hint ?? hintFor({ kind, text, step }),
  };
}

/** Of a failure that an earlier version has stored: it knew the code and the message only. */
export function kindOfCode(code: ErrorCode): FailureKind {
  return ofCode[code] ?? "internal";
}

const ofCode: Partial<Record<ErrorCode, FailureKind>> = {
  timeout: "timeout",
  cancelled: "cancelled",
  too_large: "limit",
  build_failed: "step",
};

/** Where an error does not say it and none of the texts below fits. */
const ofStage: Partial<Record<Stage, FailureKind>> = {
  fetch: "git",
  plan: "recipe",
  build: "engine",
  push: "registry",
  prove: "registry",
  attest: "registry",
};

interface Evidence {
  readonly code: ErrorCode;
  readonly message: string;
  readonly stage: Stage;
  /** The message and what the step printed last. */
  readonly text: string;
  readonly stepName: string;
  readonly exitCode: number | null;
}

function kindOf(evidence: Evidence): FailureKind {
  const { code, stage } = evidence;
  const ofThisCode = code === "build_failed" ? undefined : ofCode[code];
  if (ofThisCode !== undefined) return ofThisCode;
  if (/no space left on device|disk quota exceeded/i.test(evidence.text)) return "disk";
  if (code === "build_failed") return kindInBuild(evidence);
  if (code === "internal" && ofStage[stage] !== "registry") return "internal";
  if (stage === "build") return kindAroundBuild(evidence);
  return ofStage[stage] ?? "internal";
}

// Wordings: moby/buildkit v0.8 (engine 20.10) to v0.26 (engine 29), frontend/dockerfile and solver.
const dockerfileErrors =
  /dockerfile parse error|failed to parse stage name|invalid reference format|no build stage in current context|file with no instructions|Dockerfile cannot be empty|base name \(.*\) should not be blank|target stage .* could not be found|failed to process "|unknown instruction|circular dependency/i;
const missingFile =
  /"[^"\n]+":? not found(?:: not found)?$|failed to (?:compute cache key|calculate checksum)|excluded by \.dockerignore/i;
/** What the engine's network controller says when the network of the steps, "bridge" mostly, is not there. */
const noNetwork = /\bnetwork \S+ not found\b/;
const baseErrors =
  /pull access denied|manifest unknown|manifest for .* not found|failed to resolve source metadata|resolve image config|load metadata for|\/v2\/[^\s"]+\/manifests\/|insufficient_scope|failed to authorize|toomanyrequests|no match for platform/i;

function kindInBuild({ message, text, stepName, exitCode }: Evidence): FailureKind {
  // The kernel's signal 9 is what a process gets that takes more memory than there is.
  if (exitCode === 137 || overLimit(text) !== null) return "limit";
  if (exitCode !== null) return "step";
  if (noNetwork.test(message)) return "engine";
  if (/secret \S+(?: not found|: not found)|failed to (?:get|load) secret/i.test(message)) return "secret";
  if (baseErrors.test(message) || /^(?:\[[^\]]*\] )?FROM /.test(stepName)) return "base_image";
  if (dockerfileErrors.test(message)) return "dockerfile";
  if (missingFile.test(message) && !/--from=/.test(stepName)) return "context";
  if (/failed to create LLB definition|failed to read dockerfile/i.test(message)) return "dockerfile";
  return "step";
}

/** Beside the engine, the stage `build` asks the registry for what earlier attempts have pushed, and reads the context. */
function kindAroundBuild({ code, message }: Evidence): FailureKind {
  if (/registry/.test(message) && !/Docker engine/.test(message)) return "registry";
  if (code === "invalid")
    return /^there is no .* in .* of this commit; check "dockerfile"/.test(message) ? "dockerfile" : "context";
  return code === "unavailable" ? "engine" : "internal";
}
