// What the fake GitHub keeps: repositories with real git behind them, and all that its API made of them.

import type { PullRequest } from "../../../lab/sample-pull-request.ts";
import type { Repository } from "../../../lab/sample-repository.ts";
import type { Clock } from "./clock.ts";
import type { Faults } from "./faults.ts";
import type { RateLimits } from "./limits.ts";
import type { PendingApp } from "./manifest.ts";
import type { Replica } from "./replica.ts";

export type Permission = "admin" | "write" | "read" | "none";

/** Whose token it is, and what it may do. */
export interface Token {
  readonly login: string;
  /** `owner/name` of those it reaches; null: all. */
  readonly repositories: readonly string[] | null;
  /** Of an App's installation: `checks: write`. Null: a person's, who may do what the person may. */
  readonly permissions: Readonly<Record<string, string>> | null;
  readonly endsMs: number;
}

export interface FakeRepository {
  readonly name: string;
  readonly id: number;
  /** Nobody reads it without a token. */
  readonly isPrivate: boolean;
  readonly git: Repository;
  /** What git and the API look at while it lags behind; null: the repository itself. */
  replica: Replica | null;
  readonly pulls: Map<number, FakePull>;
  readonly hooks: Map<number, FakeHook>;
  /** Of Apps that are installed there; each is the same object in all of its repositories. */
  readonly appHooks: FakeHook[];
  /** Of each sha, oldest first. */
  readonly statuses: Map<string, StatusRecord[]>;
  readonly checks: Map<number, CheckRecord>;
  readonly comments: Map<number, CommentRecord>;
  /** By login. */
  readonly people: Map<string, Permission>;
}

export interface FakePull {
  readonly number: number;
  /** As it is now, with all of its commits. */
  git: PullRequest;
  readonly payload: () => Record<string, unknown>;
  mergedSha: string | null;
  isOpen: boolean;
}

export interface FakeHook {
  readonly id: number;
  events: readonly string[];
  active: boolean;
  config: { url: string; secret: string | null; content_type: string; insecure_ssl: string };
  readonly deliveries: DeliveryRecord[];
}

/** One attempt. */
export interface DeliveryRecord {
  readonly id: number;
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly deliveredAt: Date;
  readonly redelivery: boolean;
  readonly durationMs: number;
  /** 0 when nobody answered. */
  readonly statusCode: number;
  /** `OK`, or what went wrong. */
  readonly status: string;
  readonly payload: object;
  readonly requestHeaders: Readonly<Record<string, string>>;
  readonly answer: string;
}

export interface StatusRecord {
  readonly id: number;
  readonly context: string;
  readonly state: string;
  readonly description: string | null;
  readonly target_url: string | null;
  readonly creator: string;
  readonly createdAt: Date;
}

export interface CheckRecord {
  readonly id: number;
  readonly head_sha: string;
  /** As it was put, over all updates. */
  fields: Record<string, unknown>;
}

export interface CommentRecord {
  readonly id: number;
  readonly pullRequest: number;
  readonly login: string;
  readonly createdAt: Date;
  updatedAt: Date;
  body: string;
  /** How often it was changed. */
  edits: number;
}

export interface FakeState {
  /** `http://127.0.0.1:<port>`: git below it, and the API below `/api/v3` as of an Enterprise Server. */
  url: string;
  readonly repositories: Map<string, FakeRepository>;
  readonly tokens: Map<string, Token>;
  readonly faults: Faults;
  readonly limits: RateLimits;
  readonly clock: Clock;
  readonly startedAt: Date;
  /** How long what was merged is not there yet for git and the API. */
  lagMs: number;
  /** How long a delivery's receiver may take; GitHub's own 10 s unless a test has no time for that. */
  deliveryMs: number;
  /** Addresses that deliveries come from: what `GET /meta` says. */
  hookRanges: readonly string[];
  /** What was asked of the API, oldest first: `POST /repos/acme/shop/statuses/… 201`. */
  readonly asked: string[];
  /** The next id of anything. */
  nextId(): number;
  /** They are larger than 31 bits hold, as GitHub's own have been for years. */
  nextDeliveryId(): number;
  /** What was begun without being waited for; stop() waits. */
  /** Apps that were made from a manifest, by the code that they are fetched with. */
  readonly pendingApps: Map<string, PendingApp>;
  readonly underWay: Set<Promise<unknown>>;
}
