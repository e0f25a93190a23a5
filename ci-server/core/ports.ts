// The contracts between the flows and the world: each interface says what a call promises, throws and leaves behind.
// Every wait takes an AbortSignal; after an abort a call rejects with the signal's reason and leaves nothing running.

import type {
  Artifact,
  Attempt,
  AttemptKey,
  Build,
  BuildRequest,
  Failure,
  Image,
  LogLine,
  Result,
  Stage,
} from "./build.ts";
import type { Decision } from "./decide.ts";
import type { Delivery, ForgeEvent, LedgerEntry } from "./delivery.ts";
import type { PathsVerdict } from "./judge-paths.ts";
import type { MergeRange } from "./merge-range.ts";
import type { Recipe, Repository } from "./recipe.ts";

/** Wall clock and waiting. */
export interface Clock {
  now(): Date;
  /** Milliseconds that only ever grow; the zero point means nothing. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason on abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** Takes one line of a build's log; never blocks and never throws. */
export type WriteLine = (text: string) => void;

/** The headers and the exact bytes of a request. Header names are lower case. */
export interface ForgeRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** Where pull requests live. */
export interface Forge {
  readonly name: string;
  /**
   * Verifies the signature over the raw bytes, then parses. Pure: touches nothing.
   * Throws `unauthorized` (no or wrong signature), `invalid` (no id or no event's name). A body that is signed and yet
   * not what the name says is an `unreadable` event.
   */
  receive(request: ForgeRequest): Delivery;
  /** Parses what was verified and stored before. */
  read(stored: StoredRequest): ForgeEvent;
}

/** What of a delivery is needed to read it again. */
export interface StoredRequest {
  readonly name: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface CheckoutRequest {
  readonly repository: Repository;
  /** Branch, tag or commit; where `sha` is given, the branch that must contain it. */
  readonly ref: string;
  readonly sha: string | null;
  /** What is known of the merge whose commit `sha` is; null where nobody asks what it changed. */
  readonly merge: MergeHint | null;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/** What a forge says of a pull request that was merged. */
export interface MergeHint {
  /** The remote's ref of the pull request's own commits; null where the remote has none. */
  readonly headRef: string | null;
  readonly headSha: string | null;
  readonly commits: number;
}

/** `files`: all that were changed, as git spells them; a file that was moved is there under both names. */
export interface MergeChanges extends MergeRange {
  readonly files: readonly string[];
}

/** A commit laid out in a folder of its own until it is released; the folder stays in place and is reused after that. */
export interface Checkout {
  readonly sha: string;
  readonly folder: string;
  readonly committedAt: Date;
  /** Null where the request has no `merge`. */
  readonly merge: MergeChanges | null;
  /** Lets another checkout have the folder. To be called once, when nobody reads from it any more. */
  release(): void;
}

/** Brings commits from the repository's configured URL, and from no other place. */
export interface Git {
  /**
   * Fetches one ref (and a merge's `headRef`, without which it does as well) and lays out exactly one commit. Idempotent,
   * and may run several times at once.
   * Throws `not_found` (the remote has no such ref), `conflict` (the commit is not on the branch),
   * `unavailable` (the remote cannot be reached, or does not have the commit yet), `unauthorized`, `invalid`.
   */
  checkout(request: CheckoutRequest): Promise<Checkout>;
}

export interface BuilderRequest extends AttemptKey {
  readonly checkout: Checkout;
  readonly recipe: Recipe;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/** An artifact on the engine, not yet in the registry. */
export interface Built {
  /** Digest of the image's configuration: what the engine calls the image id. */
  readonly imageId: string;
  /** The attempt's own tag, on the engine and, once it was pushed, in the registry. */
  readonly tag: string;
}

/** Turns a recipe and a checkout into an artifact and brings it to the registry. */
export interface Builder {
  /**
   * Throws `build_failed` (the user's step failed), `invalid` (context or Dockerfile unusable),
   * `timeout`, `unavailable` (engine). An abort ends the steps on the engine too.
   */
  build(request: BuilderRequest): Promise<Built>;
  /** Whether the engine still has what an earlier attempt built. Throws `unavailable`. */
  has(request: BuilderRequest, built: Built): Promise<boolean>;
  /**
   * Pushes the image under its own tag, none of the recipe's, and returns the digest that the registry gave. Idempotent.
   * Throws `unavailable` (worth a retry), `unauthorized`, `forbidden`, `internal`.
   */
  push(request: BuilderRequest, built: Built): Promise<string>;
  /** What was found, in one line. Throws `unavailable`. */
  check(signal: AbortSignal): Promise<string>;
}

/** A manifest as the registry holds it; its digest was recomputed from the bytes received. */
export interface Manifest {
  readonly digest: string;
  readonly mediaType: string;
  /** Digest of the image's configuration; null for an index. */
  readonly configDigest: string | null;
  /** Bytes of configuration and layers as stored (compressed). */
  readonly bytes: number;
}

export interface TagRequest {
  /** Path without host. */
  readonly image: string;
  readonly digest: string;
  readonly tags: readonly string[];
  /** Awaited right before each write: when it throws, nothing more is written. */
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** The registry's own API over verified TLS. Throws `unavailable`, `forbidden` (a certificate of another CA), `unauthorized`. */
export interface Registry {
  /** `image`: path without host. `reference`: tag or digest. Null when there is none. Throws `conflict` when the bytes do not have the digest asked for. */
  manifest(image: string, reference: string, signal: AbortSignal): Promise<Manifest | null>;
  /** Lets each of the tags name the manifest with the digest. Idempotent. Throws `unavailable` when there is no such manifest (yet). */
  tag(request: TagRequest): Promise<void>;
  /** What was found, in one line. */
  check(signal: AbortSignal): Promise<string>;
}

/** What became of a delivery. `duplicate`: this GUID was stored before; `buildId` is the build it led to, where it led to one. */
export interface Accepted {
  readonly guid: string;
  readonly verdict: "build" | "skip" | "duplicate";
  readonly reason: string;
  readonly buildId: number | null;
}

/** Keys of a page of the ledger, newest first. */
export interface LedgerPage {
  readonly repository: string | null;
  readonly verdict: "build" | "skip" | null;
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
  /** Builds with an id below this one; null starts at the newest. */
  readonly before: number | null;
  readonly limit: number;
}

/** What is recorded of a merge once its commit was fetched. `paths`: null where the repository names no paths. */
export interface MergeRecord {
  readonly changes: MergeChanges;
  readonly paths: PathsVerdict | null;
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

/** Everything that must outlive the process. Throws `unavailable` when the database cannot be reached. */
export interface Store {
  /**
   * Delivery, decision, build and its place in the queue, in one transaction: after a return nothing of it can be lost,
   * after a throw nothing of it is there. A GUID that was stored gives `duplicate`, or `conflict` when the body differs;
   * a merge that has a build gives `skip` with that build; a full queue gives `skip`, and the delivery can be replayed.
   */
  accept(delivery: Delivery, decision: Decision, request: BuildRequest | null): Promise<Accepted>;
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
  mergeBuild(request: BuildRequest, repositoryId: number): Promise<number | null>;
  /** Stores and queues a build that was asked for again, whatever builds its merge has; returns its id. */
  replay(request: BuildRequest, repositoryId: number): Promise<number>;
  /**
   * Stores and queues a build in one transaction; returns its id. The same key with the same request gives the same build,
   * with another request it throws `conflict`.
   */
  request(request: BuildRequest, idempotencyKey: string | null): Promise<number>;
  /** Null when there is none. */
  build(id: number): Promise<Build | null>;
  /** Newest first. */
  builds(page: BuildPage): Promise<readonly Build[]>;
  /** Counts the attempt and forgets the stages of the one before. Null when there is none. Idempotent on a build that has ended. */
  begin(id: number): Promise<Build | null>;
  /** The attempts so far, the running one last. */
  attempts(id: number): Promise<readonly Attempt[]>;
  /** What the build stages of all attempts have left, the newest for each service. */
  artifacts(id: number): Promise<readonly Artifact[]>;
  /**
   * Asks for the build's end: one that was never begun ends here and now, a running one is ended by its worker, which hears of it
   * by `changed`. Throws `not_found`, `conflict` (it has ended).
   */
  cancel(id: number, reason: string): Promise<void>;
  // What an attempt says of itself is taken until the next one begins; after that it throws `conflict` and changes nothing.
  resolveSha(at: AttemptKey, sha: string): Promise<void>;
  stageStarted(at: AttemptKey, stage: Stage): Promise<void>;
  stageEnded(at: AttemptKey, stage: Stage, ms: number, result: Result): Promise<void>;
  keepArtifact(at: AttemptKey, artifact: Artifact): Promise<void>;
  /**
   * Records what a build's merge changed and, where it was judged, the rule on paths: why the build is skipped, and the verdict
   * in the entry of the delivery that led to the build. In one transaction. Idempotent. Throws `conflict` when the build has ended.
   */
  recordMerge(at: AttemptKey, record: MergeRecord): Promise<void>;
  /** Lines with consecutive `seq`, once each. */
  appendLog(at: AttemptKey, lines: readonly LogLine[]): Promise<void>;
  /** Notes that the attempt is broken off on purpose: it does not count against the build. */
  giveBack(at: AttemptKey): Promise<void>;
  /** Ends the build for good; an end after the end changes nothing. */
  finish(at: AttemptKey, end: BuildEnd): Promise<void>;
  /** What `recordMerge` has recorded; null when there is nothing. */
  changedFiles(id: number): Promise<ChangedFiles | null>;
  /** Lines after `seq`, in order, a bounded number of them; empty when there are no more yet. */
  readLog(id: number, afterSeq: number): Promise<readonly LogLine[]>;
  /** The number of the log's last line; 0 when it is empty. */
  lastLogSeq(id: number): Promise<number>;
  /** Resolves when the build or its log may have changed since the call; never later than `ms`. */
  changed(id: number, ms: number, signal: AbortSignal): Promise<void>;
  /** What was found, in one line. */
  check(signal: AbortSignal): Promise<string>;
}

/** The right to work on a build, for as long as it lasts. */
export interface Lease {
  /** Aborts when the work has to be given up; its reason is an AppError `unavailable` that says why. */
  readonly signal: AbortSignal;
  /** Asks the database whether the build is still this worker's. Throws the signal's reason when it is not, `unavailable` when that cannot be known. */
  confirm(): Promise<void>;
}

/** Hands queued builds to this worker: in order and one at a time for each repository. */
export interface Queue {
  /** A handler that returns is done with the build; one that throws gives it back, to be tried again later. */
  work(handler: (buildId: number, lease: Lease) => Promise<void>): Promise<void>;
  /** Takes no more builds, waits for the running ones, then aborts and gives back those that still run. */
  stop(graceMs: number): Promise<void>;
}
