// What became of one image of a build, or of all of it, in one line: what statuses and check runs say.

import type { Build, Result } from "../build.ts";
import { seconds } from "../notice-text.ts";

/** Null: it has not ended. */
export interface Outcome {
  readonly result: Result | null;
  /** One line. */
  readonly text: string;
}

const words: Partial<Record<Result, string>> = { failure: "failed", error: "error", timeout: "timed out" };
const digestChars = "sha256:".length + 12;

/** `service`: null for the build as a whole. */
export function outcomeOf(build: Build, service: string | null): Outcome {
  const { result, plan, images, failure } = build;
  const planned = plan?.find((one) => one.service === service);
  if (result === "skip")
    return { result, text: `nothing to build: ${build.skipReason ?? planned?.reason ?? "no image"}` };
  if (planned?.verdict === "skip") return { result: "skip", text: `not built: ${planned.reason}` };
  if (result === null) return { result, text: build.attempts === 0 ? "waits in the queue" : "is being built" };
  const image = images.find((one) => one.service === service);
  if (image !== undefined) return { result: "success", text: imageText(build, image) };
  if (result === "success") return ofSuccess(build, service);
  if (result === "cancellation") return { result, text: cancelText(build) };
  if (service !== null && failure !== null && failure.service !== null && failure.service !== service)
    return { result, text: `not made: the build ${words[result]} with ${failure.service}` };
  return { result, text: failureText(build, result) };
}

/** `4.2 s`, `1 min 5 s`. */
export function duration({ startedAt, finishedAt }: Pick<Build, "startedAt" | "finishedAt">): string {
  const ms = startedAt === null || finishedAt === null ? 0 : Math.max(0, finishedAt.getTime() - startedAt.getTime());
  return ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : seconds(ms);
}

/** The one that it ended in. */
export function lastStage({ stages }: Pick<Build, "stages">): string {
  return stages.findLast((stage) => stage.result !== null && stage.result !== "success")?.name ?? "queued";
}

/** `shop/Dockerfile:7 exit code 3`; what the failure says where there is no such place. */
export function failurePlace({ failure }: Pick<Build, "failure">): string {
  if (failure === null) return "";
  const { step, dockerfile, message } = failure;
  const line = step?.dockerfileLine == null ? null : `${dockerfile ?? "Dockerfile"}:${step.dockerfileLine}`;
  const exit = step?.exitCode == null ? message : `exit code ${step.exitCode}`;
  return line === null ? exit : `${line} ${exit}`;
}

function imageText(build: Build, { digest, reusedFrom }: Build["images"][number]): string {
  const short = `${digest.slice(0, digestChars)}…`;
  if (reusedFrom !== null) return `reused from build ${reusedFrom} in ${duration(build)}: ${short}`;
  return `built in ${duration(build)}: ${short}`;
}

function ofSuccess(build: Build, service: string | null): Outcome {
  if (service !== null) return { result: "skip", text: "not an image of this commit" };
  const { length } = build.images;
  return { result: "success", text: `${length} ${length === 1 ? "image" : "images"} in ${duration(build)}` };
}

function cancelText({ failure, cancelReason }: Build): string {
  const why = failure?.message ?? cancelReason ?? "";
  return why.startsWith("cancelled") ? why : `cancelled: ${why}`;
}

function failureText(build: Build, result: Result): string {
  return `${words[result]} in ${lastStage(build)} after ${duration(build)}: ${failurePlace(build)}`;
}
