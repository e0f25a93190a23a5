// What must outlive the process.

import type {
  Artifact,
  Attempt,
  AttemptKey,
  Build,
  BuildRequest,
  BuildState,
  Failure,
  Image,
  LogLine,
  PlannedService,
  Result,
  Stage,
  Trigger,
} from "../build.ts";
import type { BuildStep } from "../build-step.ts";
import type { Decision } from "../decide.ts";
import type { Delivery, LedgerEntry, RuleVerdict } from "../delivery.ts";
import type { PathsVerdict } from "../judge-paths.ts";
import type { LogSize } from "../log-budget.ts";
import type { Concurrency } from "../recipe.ts";
import type { RepositoryAbout } from "../repository-about.ts";
import type { BaseLedger } from "./bases.ts";
import type { MergeChanges } from "./git.ts";
import type { Lease } from "./queue.ts";

/** What became of a delivery. `duplicate`: this GUID was stored before; `buildId` is the build it led to, where it led to one. */
export interface Accepted {
  readonly guid: string;
  readonly verdict: "build" | "skip" | "duplicate";
  readonly reason: string;
  readonly buildId: number | null;
}

/** A delivery with what was decided of it. `request` is there exactly when the decision is `build`. */
export interface Arrived {
  readonly delivery: Delivery;
  readonly decision: Decision;
  readonly request: BuildRequest | null;
}

/** Keys of a page of the ledger, newest first. */
export interface LedgerPage {
  readonly repository: string | null;
  readonly verdict: "build" | "skip" | null;
  /** What the forge calls it: `pull_request`, `ping`. */
  readonly event?: string | null;
  /** Part of the title, the reason, the repository's name or the GUID. */
  readonly q?: string | null;
  /** Entries with an id above this one: a search reads every entry on its way. */
  readonly after?: number | null;
  /** Entries with an id below this one; null starts at the newest. */
  readonly before: number | null;
  readonly limit: number;
}

/** A delivery whose signature did not fit; its body is not kept. */
export interface Refusal {
  readonly guid: string | null;
  readonly name: string | null;
  readonly bodyBytes: number;
  readonly reason: string;
}

export interface BuildPage {
  readonly repository: string | null;
  readonly result?: Result | null;
  readonly trigger?: Trigger | null;
  /** Builds that were to make an image of this service, or have begun to. */
  readonly service?: string | null;
  readonly state?: BuildState | null;
  /** Builds with an id below this one; null starts at the newest. */
  readonly before: number | null;
  readonly limit: number;
}

/** What is recorded of a merge once its commit was fetched. `paths`: null where the repository names no paths. */
export interface MergeRecord {
  readonly changes: MergeChanges;
  readonly paths: PathsVerdict | null;
}

/** What is recorded of a plan. `rule`: for the trace of the delivery; null where all images are built. */
export interface PlanRecord {
  readonly services: readonly PlannedService[];
  readonly rule: RuleVerdict | null;
  /** Why nothing is built; null when something is. */
  readonly refusal: string | null;
  /** What the default branch's file says from this commit on; null where the commit is on another branch. */
  readonly setting: { readonly concurrency: Concurrency | null; readonly committedAt: Date } | null;
}

/** An image that a build has made of a service. */
export interface ServiceImage {
  readonly service: string;
  readonly buildId: number;
  /** Repository path in the registry, without host. */
  readonly path: string;
  readonly digest: string;
}

/** `files`: a bounded number of the `total`, in git's order. */
export interface ChangedFiles {
  readonly files: readonly string[];
  readonly total: number;
}

export interface BuildEnd {
  readonly result: Result;
  readonly failure: Failure | null;
  readonly images: readonly Image[];
}

export interface EndedStage {
  readonly stage: Stage;
  readonly ms: number;
  readonly result: Result;
}

/** An image that an earlier build has made and proven. */
export interface MadeImage {
  readonly buildId: number;
  readonly digest: string;
  readonly imageId: string;
}

/** Everything that must outlive the process. Throws `unavailable` when the database cannot be reached. */
export interface Store extends BaseLedger {
  /**
   * Delivery, decision, build and its place in the queue, in one transaction: after a return nothing of it can be lost,
   * after a throw nothing of it is there. A GUID that was stored gives `duplicate`, or `conflict` when the body differs;
   * a merge that has a build gives `skip` with that build; a full queue gives `skip`, and the delivery can be replayed.
   */
  accept(delivery: Delivery, decision: Decision, request: BuildRequest | null): Promise<Accepted>;
  /**
   * The same for deliveries that were looked for, in their order and in one transaction: none of them is begun before all are
   * stored. A merge that has a build by its delivery has one for what git shows of it, and the other way round.
   */
  acceptAll(arrived: readonly Arrived[]): Promise<readonly Accepted[]>;
  /** Notes a delivery that was not verified, in a ring of bounded length. */
  refuse(refusal: Refusal): Promise<void>;
  /** Newest first. */
  deliveries(page: LedgerPage): Promise<readonly LedgerEntry[]>;
  /** Null when there is none, or none any more. */
  delivery(guid: string): Promise<LedgerEntry | null>;
  /** The bytes as they came. Null when there is none. */
  deliveryBody(guid: string): Promise<Uint8Array | null>;
  /**
   * Removes the oldest deliveries beyond the limits of the ledger, and idempotency keys of the same age; returns how many
   * deliveries. Builds stay: a merge that is delivered after that still has its build. May run at any time; while another
   * sweep runs, in whatever process, it does nothing. After an abort what was removed stays removed, and the rest there.
   */
  sweepLedger(signal: AbortSignal): Promise<number>;
  /** The build that a merge has already, or null. */
  mergeBuild(request: BuildRequest, repositoryId: number | null): Promise<number | null>;
  /** Stores and queues a build that was asked for again, whatever builds its merge has; returns its id. The key: as of `request`. */
  replay(request: BuildRequest, repositoryId: number | null, idempotencyKey?: string | null): Promise<number>;
  /**
   * Stores and queues a build in one transaction; returns its id. The same key with the same request gives the same build,
   * with another request it throws `conflict`.
   */
  request(request: BuildRequest, idempotencyKey: string | null): Promise<number>;
  /** Null when there is none. */
  build(id: number): Promise<Build | null>;
  /** Why it was asked to stop; null when it was not, or there is no such build. To be asked often. */
  cancelReason(id: number): Promise<string | null>;
  /** Newest first. */
  builds(page: BuildPage): Promise<readonly Build[]>;
  /** Counts the attempt and forgets the stages of the one before. Null when there is none. Idempotent on a build that has ended. */
  begin(id: number): Promise<Build | null>;
  /** The attempts so far, the running one last. */
  attempts(id: number): Promise<readonly Attempt[]>;
  /** The newest image of this path in the registry that was made of the same; null when there is none, or none any more. */
  madeImage(path: string, key: string): Promise<MadeImage | null>;
  /** What the build stages of all attempts have left, the newest for each service. */
  artifacts(id: number): Promise<readonly Artifact[]>;
  /**
   * Asks for the build's end: one that was never begun ends here and now, a running one is ended by its worker, which hears of it
   * by `changed`. Throws `not_found`, `conflict` (it has ended).
   */
  cancel(id: number, reason: string): Promise<void>;
  // What an attempt says of itself is taken until the next one begins; after that it throws `conflict` and changes nothing.
  resolveSha(at: AttemptKey, sha: string): Promise<void>;
  /** `before`: the stage that has ended for it, recorded at the same time. */
  stageStarted(at: AttemptKey, stage: Stage, before?: EndedStage | null): Promise<void>;
  stageEnded(at: AttemptKey, ended: EndedStage): Promise<void>;
  keepArtifact(at: AttemptKey, artifact: Artifact): Promise<void>;
  /** Replaces those of an earlier attempt. */
  recordSteps(at: AttemptKey, service: string, steps: readonly BuildStep[]): Promise<void>;
  /**
   * Records what a build's merge changed and, where it was judged, the rule on paths: why the build is skipped, and the verdict
   * in the entry of the delivery that led to the build. In one transaction. Idempotent. Throws `conflict` when the build has ended.
   */
  recordMerge(at: AttemptKey, record: MergeRecord): Promise<void>;
  /**
   * Records what became of each image in the plan and, where none is built, why: on the build, and in the entry of the delivery
   * that led to it. Remembers the setting unless a later commit has said another one. In one transaction. Idempotent.
   */
  recordPlan(at: AttemptKey, record: PlanRecord): Promise<void>;
  /** Lines with consecutive `seq`, once each. */
  appendLog(at: AttemptKey, lines: readonly LogLine[]): Promise<void>;
  /** Notes that the attempt is broken off on purpose: it does not count against the build. */
  giveBack(at: AttemptKey): Promise<void>;
  /** Ends the build for good; an end after the end changes nothing. */
  finish(at: AttemptKey, end: BuildEnd): Promise<void>;
  /** What `recordSteps` has recorded, by service; empty when there is nothing. */
  steps(id: number): Promise<Readonly<Record<string, readonly BuildStep[]>>>;
  /** What `recordMerge` has recorded; null when there is nothing. */
  changedFiles(id: number): Promise<ChangedFiles | null>;
  /** Ids of the builds of earlier merges that this one has superseded, ascending. */
  superseded(id: number): Promise<readonly number[]>;
  /**
   * Of those services of the build's repository that the last build of the newest commit of the same ref that was to make them
   * did make, and that are still in the registry: what it made. One that was not planned may have been to make any of them.
   * Commits that are newer than the build's own do not count: one that is built again is FROM what it was FROM.
   */
  serviceImages(build: Build, services: readonly string[]): Promise<readonly ServiceImage[]>;
  /** What the delivery of the repository's newest merge said of it; null when none did. */
  repositoryAbout(repository: string): Promise<RepositoryAbout | null>;
  /** Names of the repositories of which an image of this service was made. */
  repositoriesWith(service: string): Promise<readonly string[]>;
  /**
   * Does the work while nobody else, in whatever process, works under the name. Waits for its turn; an abort ends the waiting.
   * What the work is given aborts when the lock was lost, with a reason `unavailable`, and `confirm` asks whether it is still
   * held. A process that is frozen or dies loses it within 15 s. Throws what the work throws, and `unavailable`. Not to be
   * taken within another one.
   */
  lock<T>(name: string, signal: AbortSignal, work: (lock: Lease) => Promise<T>): Promise<T>;
  /** Lines after `seq`, in order, a bounded number of them, and `linesMax` at most; empty when there are no more yet. */
  readLog(id: number, afterSeq: number, linesMax?: number): Promise<readonly LogLine[]>;
  /** Of what is stored; the last line has the number `lines`. */
  logSize(id: number): Promise<LogSize>;
  /** Resolves when the build or its log may have changed since the call; never later than `ms`. */
  changed(id: number, ms: number, signal: AbortSignal): Promise<void>;
  /** What was found, in one line. */
  check(signal: AbortSignal): Promise<string>;
}
