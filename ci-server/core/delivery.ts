// A delivery is one request that a forge sent; an event is what it says, in the program's own words.

/** The pull request that an event speaks of, as the signed body has it. */
export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly url: string;
  readonly merged: boolean;
  /** The commit that the merge put on the base branch; null where the forge has none (not merged). */
  readonly mergeCommitSha: string | null;
  readonly baseRef: string;
  readonly commits: number;
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
  readonly action: string;
  readonly pullRequest: PullRequest;
}

/** The forge's question whether anybody is there, sent when a hook is made. */
export interface PingEvent extends EventBase {
  readonly kind: "ping";
}

/** Anything else: known to the forge, of no use to us. */
export interface OtherEvent extends EventBase {
  readonly kind: "other";
}

export type ForgeEvent = PullRequestEvent | PingEvent | OtherEvent;

/** A verified delivery: its signature fits `body`, and `event` was parsed from it. */
export interface Delivery {
  /** The forge's id of the delivery; a redelivery keeps it. */
  readonly guid: string;
  readonly forge: string;
  readonly name: string;
  readonly hookId: string | null;
  readonly event: ForgeEvent;
  readonly body: Uint8Array;
}
