// A delivery is one request that a forge sent; an event is what it says, in the program's own words.

import type { ErrorCode } from "./errors.ts";
import type { RepositoryAbout } from "./repository-about.ts";

/** The pull request that an event speaks of, as the signed body has it. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly url: string;
  /** Whether it was a draft when the event happened. */
  readonly draft: boolean;
  readonly labels: readonly string[];
  readonly merged: boolean;
  /** The commit that the merge put on the base branch; null where the forge has none (not merged). */
  readonly mergeCommitSha: string | null;
  readonly baseRef: string;
  /** The ref under which the base repository has the pull request's own commits; null where the forge has none. */
  readonly headRef: string | null;
  readonly headSha: string | null;
  /** How many commits the pull request has; null where the forge does not say. */
  readonly commits: number | null;
  /** The commit of the base branch that they begin after, where the forge says it in place of their number. */
  readonly mergeBase?: string | null;
  readonly author: string;
  readonly mergedBy: string | null;
}

interface EventBase {
  /** Full name of the repository, or null for events that have none. */
  readonly repository: string | null;
  readonly action: string | null;
}

export interface PullRequestEvent extends EventBase {
  readonly kind: "pull_request";
  readonly repository: string;
  readonly repositoryId: number;
  readonly about: RepositoryAbout;
  readonly action: string;
  readonly pullRequest: PullRequest;
}

/** Somebody has commented on a pull request. */
export interface CommentEvent extends EventBase {
  readonly kind: "comment";
  readonly repository: string;
  readonly repositoryId: number;
  /** The pull request's. */
  readonly number: number;
  /** Null where the forge does not say it here. */
  readonly isMerged: boolean | null;
  readonly commentId: string;
  readonly commentedAt: Date;
  readonly author: string;
  readonly isBot: boolean;
  readonly body: string;
}

/** The forge's question whether anybody is there, sent when a hook is made. */
export interface PingEvent extends EventBase {
  readonly kind: "ping";
}

/** Anything else: known to the forge, of no use to us. */
export interface OtherEvent extends EventBase {
  readonly kind: "other";
}

/** Signed, and yet not what the event's name says: kept, because the forge may know better than this program does. */
export interface UnreadableEvent extends EventBase {
  readonly kind: "unreadable";
  readonly code: ErrorCode;
  readonly problem: string;
}

/** What nobody sent and git showed: a merge into a branch, or commits that no pull request can be named for. */
export interface FoundEvent extends EventBase {
  readonly kind: "found";
  readonly repository: string;
  readonly branch: string;
  /** The newest of the commits. */
  readonly sha: string;
  readonly commits: number;
  /** As far as the commit tells of it; null where no pull request can be recognised. */
  readonly pullRequest: PullRequest | null;
}

export type ForgeEvent = PullRequestEvent | CommentEvent | PingEvent | OtherEvent | UnreadableEvent | FoundEvent;

/** How a delivery came: signed, to the webhook; read from the forge's API; or never, and git showed what it would have said. */
export const origins = ["webhook", "api", "git"] as const;
export type Origin = (typeof origins)[number];

/** A verified delivery: its signature fits `body`, or we have fetched it ourselves, and `event` was parsed from it. */
export interface Delivery {
  /** The forge's id of the delivery; a redelivery keeps it. */
  readonly guid: string;
  readonly forge: string;
  readonly name: string;
  readonly hookId: string | null;
  readonly event: ForgeEvent;
  readonly body: Uint8Array;
  /** Those on the forge's allow-list; any other may hold a secret that was sent by mistake. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which of the active secrets fitted: the beginning of its SHA-256. Of what was not signed: how it came instead. */
  readonly secretId: string;
  /** Absent: `webhook`. */
  readonly origin?: Origin;
}

/** A delivery as the ledger keeps it, with what was decided of it when it came. */
export interface LedgerEntry extends Omit<Delivery, "event" | "body"> {
  /** Counts the deliveries in the order in which they were stored. */
  readonly id: number;
  readonly receivedAt: Date;
  readonly origin: Origin;
  readonly action: string | null;
  readonly repository: string | null;
  readonly bodyBytes: number;
  readonly verdict: "build" | "skip";
  readonly reason: string;
  readonly rules: readonly RuleVerdict[];
  readonly buildId: number | null;
}

/** How much the ledger keeps; the oldest deliveries beyond either limit are removed. */
export interface LedgerLimits {
  readonly daysMax: number;
  /** Of all deliveries as they are stored: compressed bodies, and the text beside them. */
  readonly bytesMax: number;
}

/** What one rule said, and of what. */
export interface RuleVerdict {
  readonly rule: string;
  readonly passed: boolean;
  readonly saw: string;
}
