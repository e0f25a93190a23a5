// A build: one commit of one repository being turned into images; its stages, its result and what it leaves.

import type { ErrorCode } from "./errors.ts";
import type { FailureDetails } from "./failure.ts";
import type { MergeRange } from "./merge-range.ts";
import type { LogStream } from "./ports/log.ts";
import type { RepositoryAbout } from "./repository-about.ts";

export const triggers = ["pull_request", "manual", "base_image", "reconcile"] as const;
export type Trigger = (typeof triggers)[number];

/** The stages in their order. `queued` is the time before the first attempt. */
export const stages = ["queued", "fetch", "plan", "build", "push", "prove", "attest"] as const;
export type Stage = (typeof stages)[number];

/** OpenTelemetry's words: `failure` is the user's, `error` is ours. */
export const results = ["success", "failure", "error", "timeout", "cancellation", "skip"] as const;
export type Result = (typeof results)[number];

/** `queued`: it waits, for the first time or again. */
export const buildStates = ["queued", "running", "ended"] as const;
export type BuildState = (typeof buildStates)[number];

/**
 * What asks for a build. A manual one has a ref and a version, a merge has a pull request and its commit, and so has a build
 * because a base image changed, and one of a merge that nobody told of and git showed (`reconcile`).
 */
export interface BuildRequest {
  readonly repository: string;
  readonly trigger: Trigger;
  /** The commit; null until a manual build's ref was resolved. */
  readonly sha: string | null;
  /** Branch, tag or commit to build; for a merge the base branch that has to contain the commit. Null: the repository's first branch. */
  readonly ref: string | null;
  /** Names of the services to build; null means all of the repository. */
  readonly service: string | null;
  /** A tag asked for by hand. */
  readonly version: string | null;
  readonly pullRequest: BuildPullRequest | null;
  readonly deliveryGuid: string | null;
  /** Whether nothing that was made before is taken. Absent: no. */
  readonly noCache?: boolean;
  /** Of the delivery, on its way into the store; nobody is shown it. */
  readonly traceparent?: string | null;
}

export interface BuildPullRequest {
  readonly number: number;
  readonly title: string;
  readonly url: string;
  readonly author: string;
  readonly mergedBy: string | null;
  /** Where its own commits are, their last one, and how many there are; builds stored by an earlier version have none of it. */
  readonly headRef?: string | null;
  readonly headSha?: string | null;
  readonly commits?: number | null;
  /** The commit that they begin after, where their number is not known. */
  readonly mergeBase?: string | null;
  /** Of the repository that it was merged into, as its delivery said. Absent in builds stored by an earlier version. */
  readonly repository?: RepositoryAbout;
}

/** One try at a build, for whoever makes it: the store takes nothing from a try after the next one has begun. */
export interface AttemptKey {
  readonly buildId: number;
  /** Counts from 1. */
  readonly attempt: number;
}

/** One try at a build. `stage`: the last one begun. `outcome` is null while it runs, and for ever when its worker died. */
export interface Attempt {
  readonly attempt: number;
  /** Id of the worker's state folder. */
  readonly worker: string;
  readonly startedAt: Date;
  readonly stage: Stage | null;
  readonly outcome: "ended" | "given_back" | null;
}

/** Milliseconds that a stage took in the last attempt; `result` is null while it runs. */
export interface StageRecord {
  readonly name: Stage;
  readonly startedAt: Date;
  readonly ms: number | null;
  readonly result: Result | null;
}

/** What a finished build stage has left on the engine: a later attempt need not make it again. `recipe`: the recipe as JSON. */
export interface Artifact {
  readonly service: string;
  readonly recipe: string;
  readonly imageId: string;
  readonly tag: string;
}

/** What an image is FROM, as the Dockerfile names it, and what that was. `digest`: the manifest's in its registry, or the id of an image that only the engine has. */
export interface BaseImage {
  readonly reference: string;
  readonly digest: string;
  /** Set where only the engine has it. */
  readonly local?: true;
}

/** A further registry's repository that an image was to go to. `message`: why it did not. */
export interface Destination {
  readonly reference: string;
  readonly result: Extract<Result, "success" | "error">;
  readonly message: string | null;
}

/** A statement about an image, stored beside it. `type`: `provenance` or `sbom`. */
export interface Attestation {
  readonly type: "provenance" | "sbom";
  readonly digest: string;
}

/** What a recipe produced. `bytes`: config and layers as the registry stores them (compressed). */
export interface Image {
  readonly service: string;
  /** By digest: `localhost:5000/acme/shop@sha256:…`. */
  readonly reference: string;
  /** Repository path in the registry, without host. */
  readonly path: string;
  readonly digest: string;
  readonly tags: readonly string[];
  /** Those of them that never name anything else. */
  readonly fixedTags: readonly string[];
  readonly bytes: number;
  /** What the engine calls it. */
  readonly imageId: string;
  /** Of all that it was made from: the same key is the same image. Null where something of it cannot be known. */
  readonly key: string | null;
  /** The build that made it, where this one found it made. */
  readonly reusedFrom: number | null;
  readonly bases: readonly BaseImage[];
  readonly destinations: readonly Destination[];
  readonly attestations: readonly Attestation[];
}

/** An image of the history. `removedAt`: when retention took it out of the registry. */
export interface StoredImage extends Image {
  readonly removedAt: Date | null;
}

/** Why a build has no result that anybody wanted, and what to do about it. Without any secret. */
export interface Failure extends FailureDetails {
  readonly code: ErrorCode;
  readonly message: string;
  /** Path in the repository of what the step's line is of. Absent where there is none, and in builds of an earlier version. */
  readonly dockerfile?: string;
}

/** What became of one of the repository's images in a plan. `reason`: a sentence for the person who asks why. */
export interface PlannedService {
  readonly service: string;
  readonly verdict: "build" | "skip";
  readonly reason: string;
}

/** How a merge was made and how many files it changed. */
export interface MergeSummary extends MergeRange {
  readonly files: number;
}

export interface Build extends BuildRequest {
  readonly id: number;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
  /** How often it was begun; more than one after trouble of ours. */
  readonly attempts: number;
  /** Why it was asked to stop; null when it was not. */
  readonly cancelReason: string | null;
  /** Null for a build that is not of a merge, and until its commit was fetched. */
  readonly merge: MergeSummary | null;
  /** Why a rule that is asked after the fetch builds nothing of it; null when none says so. */
  readonly skipReason: string | null;
  /** Of every image that the repository has; null until it was planned. */
  readonly plan: readonly PlannedService[] | null;
  readonly result: Result | null;
  readonly failure: Failure | null;
  readonly stages: readonly StageRecord[];
  readonly images: readonly StoredImage[];
  /** When its log and its steps were removed for their age. */
  readonly logRemovedAt: Date | null;
}

/**
 * One line of a build's log: text without control characters but tab and colours (SGR), and without secrets. `seq` counts
 * from 1 within the build, across its attempts. `step`: its number within the service's image. `stream`: of what the step printed.
 */
export interface LogLine {
  readonly seq: number;
  readonly at: Date;
  readonly stage: Stage;
  readonly service: string | null;
  readonly step: number | null;
  readonly stream: LogStream | null;
  readonly text: string;
}
