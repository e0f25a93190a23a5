// What the fake GitHub keeps: repositories with real git behind them, and all that its API made of them.

import type { PullRequest } from "../../../lab/sample-pull-request.ts";
import type { Repository } from "../../../lab/sample-repository.ts";

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
  readonly git: Repository;
  readonly pulls: Map<number, FakePull>;
  readonly hooks: Map<number, FakeHook>;
  /** Of each sha, oldest first. */
  readonly statuses: Map<string, StatusRecord[]>;
  readonly checks: Map<number, CheckRecord>;
  readonly comments: Map<number, CommentRecord>;
  /** By login. */
  readonly people: Map<string, Permission>;
}

export interface FakePull {
  readonly number: number;
  readonly git: PullRequest;
  readonly payload: () => Record<string, unknown>;
  mergedSha: string | null;
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
  body: string;
  /** How often it was changed. */
  edits: number;
}

/** What goes wrong on purpose. */
export interface Faults {
  /** GUIDs of deliveries whose payload is kept no longer. */
  readonly lostPayloads: Set<string>;
  /** The next so many requests of the API are answered like this. */
  next: { readonly status: number; readonly headers?: Readonly<Record<string, string>>; times: number } | null;
  /** Hooks are not sent: what happens now is only on record, with nobody's answer. */
  isCutOff: boolean;
}

export interface FakeState {
  /** `http://127.0.0.1:<port>`: git below it, and the API below `/api/v3` as of an Enterprise Server. */
  url: string;
  readonly repositories: Map<string, FakeRepository>;
  readonly tokens: Map<string, Token>;
  readonly faults: Faults;
  /** What was asked of the API, oldest first: `POST /repos/acme/shop/statuses/… 201`. */
  readonly asked: string[];
  /** The next id of anything. */
  nextId(): number;
}
