// What the fake Gitea keeps: repositories with real git behind them, and all that its API made of them.

import type { Repository } from "../../../lab/sample-repository.ts";

export type Permission = "owner" | "admin" | "write" | "read" | "none";

export interface Token {
  readonly login: string;
  /** `write:repository`, which holds `read:repository`. */
  readonly scopes: readonly string[];
}

export interface FakeRepository {
  readonly id: number;
  readonly name: string;
  readonly git: Repository;
  readonly pulls: Set<number>;
  readonly hooks: Map<number, FakeHook>;
  readonly statuses: StatusRecord[];
  readonly comments: Map<number, CommentRecord>;
  /** By login. */
  readonly people: Map<string, Permission>;
}

export interface FakeHook {
  readonly id: number;
  /** As it keeps them: what it sends, one by one. */
  events: readonly string[];
  active: boolean;
  branchFilter: string;
  config: { url: string; secret: string; content_type: string };
  readonly deliveries: DeliveryRecord[];
}

export interface DeliveryRecord {
  readonly guid: string;
  readonly event: string;
  /** 0 when nobody answered. */
  readonly status: number;
  readonly answer: string;
}

export interface StatusRecord {
  readonly sha: string;
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly target_url: string;
}

export interface CommentRecord {
  readonly id: number;
  readonly pullRequest: number;
  readonly login: string;
  body: string;
}

export interface FakeState {
  /** `http://127.0.0.1:<port>`: git below it, and the API below `/api/v1`. */
  url: string;
  /** Forgejo sends every header under its own name too. */
  flavour: "gitea" | "forgejo";
  readonly repositories: Map<string, FakeRepository>;
  readonly tokens: Map<string, Token>;
  /** The next request of the API is answered like this. */
  next: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: unknown;
  } | null;
  /** What was asked of the API, oldest first: `POST /repos/acme/shop/hooks 201`. */
  readonly asked: string[];
  nextId(): number;
}
