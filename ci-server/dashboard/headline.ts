// One sentence that says what became of a build.

import { count, duration, shortSha } from "./format.ts";
import type { BuildEntry, BuildView, FailureView, ImageOfBuild, StepView } from "./views.ts";

/** `Built shop:1.4.2 in 38 s, 9 of 12 steps cached`. */
export function headline(build: BuildView, nowMs: number): string {
  if (build.result === null) return build.startedAt === null ? waiting(build) : running(build, nowMs);
  const took = elapsedMs(build, nowMs);
  const time = took === null ? "" : ` after ${duration(took)}`;
  switch (build.result) {
    case "success":
      return built(build);
    case "failure":
      return `Failed${failedAt(build)}${time}`;
    case "error":
      return `Stopped by trouble that is not the repository's${time}: ${build.failure?.message ?? "no reason was recorded"}`;
    case "timeout":
      return `Took too long${failedAt(build)}${time}`;
    case "cancellation":
      return `Cancelled${time}: ${build.cancelReason ?? build.failure?.message ?? "no reason was given"}`;
    case "skip":
      return `Nothing was built: ${build.skipReason ?? "no rule asked for it"}`;
  }
}

/** What was asked for, in a few words: `#42 Fix the cart`. */
export function titleOf(build: BuildEntry): string {
  if (build.pullRequest !== null) return `#${build.pullRequest.number} ${build.pullRequest.title}`;
  if (build.trigger === "base_image") return "Base image changed";
  const what = build.service ?? build.repository;
  return build.version === null ? what : `${what} ${build.version}`;
}

/** Since its first attempt began; null while it waits. */
export function elapsedMs({ startedAt, finishedAt }: BuildEntry, nowMs: number): number | null {
  if (startedAt === null) return null;
  const end = finishedAt === null ? nowMs : Date.parse(finishedAt);
  return Math.max(0, end - Date.parse(startedAt));
}

function waiting({ queuedAhead }: BuildView): string {
  if (queuedAhead === null || queuedAhead === 0) return "Waiting for its turn";
  return `Waiting for ${count(queuedAhead, "build")} before it`;
}

function running(build: BuildView, nowMs: number): string {
  const time = duration(elapsedMs(build, nowMs) ?? 0);
  const usual = build.medianMs === null ? "" : `, usually ${duration(build.medianMs)}`;
  return `${verbs[build.stage ?? ""] ?? "Working"}, ${time} so far${usual}`;
}

const verbs: Readonly<Record<string, string>> = {
  queued: "Waiting for another attempt",
  fetch: "Fetching the commit",
  plan: "Planning what to build",
  build: "Building",
  push: "Pushing",
  prove: "Asking the registry for proof",
  attest: "Signing provenance and SBOM",
};

function built(build: BuildView): string {
  const took = elapsedMs(build, 0);
  const time = took === null ? "" : ` in ${duration(took)}`;
  const [first] = build.images;
  if (first === undefined) return `Ended well${time}`;
  const reused = build.images.every((image) => image.reusedFrom !== null);
  const what = build.images.length === 1 ? nameOf(first) : count(build.images.length, "image");
  if (reused) return `Tagged ${what}${time}, made before by build ${first.reusedFrom}`;
  return `Built ${what}${time}${cachedSteps(Object.values(build.steps).flat())}`;
}

/** With the tag that people ask for: a version before `pr-7` before `sha-…`. */
export function nameOf({ service, tags, fixedTags }: ImageOfBuild): string {
  const tag = [...tags].sort((one, other) => rank(one, fixedTags) - rank(other, fixedTags))[0];
  return tag === undefined ? service : `${service}:${tag}`;
}

function rank(tag: string, fixedTags: readonly string[]): number {
  if (tag === "latest") return 3;
  if (/^sha-[0-9a-f]+$/.test(tag)) return 4;
  return fixedTags.includes(tag) && /\d/.test(tag) ? 1 : 2;
}

function cachedSteps(steps: readonly StepView[]): string {
  const own = steps.filter((step) => isOfDockerfile(step));
  if (own.length === 0) return "";
  return `, ${own.filter((step) => step.cached).length} of ${count(own.length, "step")} cached`;
}

/** `[2/5] RUN npm ci`, and not the engine's own chores. */
export function isOfDockerfile({ name }: StepView): boolean {
  return /^\[(?!internal)[^\]]*\d+\/\d+\]/.test(name);
}

function failedAt({ failure, sha }: BuildView): string {
  const step = failure?.step ?? null;
  if (failure === null) return "";
  if (step === null || step.number === null) return sha === null ? "" : ` for ${shortSha(sha)}: ${failure.message}`;
  const of = failure.service === null ? "" : ` of ${failure.service}`;
  return ` at step ${step.number}${of}, ${stepInShort(step)}`;
}

const stepCharsMax = 100;

/** `RUN npm ci (exit code 1)`. */
function stepInShort({ name, exitCode }: NonNullable<FailureView["step"]>): string {
  const command = name.replace(/^\[[^\]]*\] /, "");
  const short = command.length > stepCharsMax ? `${command.slice(0, stepCharsMax)}…` : command;
  return exitCode === null ? short : `${short} (exit code ${exitCode})`;
}

/** For a line of a list. */
export function failureInShort({ message, step }: FailureView): string {
  return step === null || step.number === null ? message : `step ${step.number}, ${stepInShort(step)}`;
}
