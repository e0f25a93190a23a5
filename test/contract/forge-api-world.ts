// What a forge's driver gives the suite of core/ports/forge-api.ts: one repository on a fake of that forge.

import type { ForgeRepository, StatusState } from "../../ci-server/core/ports.ts";

/** `lacking`: let in, and without the right to its hooks. `refused`: a token that the forge does not know. */
export type Who = "owner" | "lacking" | "refused";

/** acme/shop, where `octocat` may write, `stranger` may read, and `nobody` may nothing, with a pull request. */
export interface ForgeWorld {
  /** Remembers nothing of what another one was told, such as to wait. `repository`: another one than acme/shop. */
  open(who?: Who, repository?: string): ForgeRepository;
  /** Words that the message has where a right is lacking. */
  readonly lacks: string;
  /** What no message may hold. */
  secrets(): readonly string[];
  /** Of a commit. */
  readonly sha: string;
  readonly pullRequest: number;
  /** Of the commit, oldest first, as they were set. */
  statuses(): readonly StatusSeen[];
  /** Of the pull request, oldest first. */
  comments(): readonly CommentSeen[];
  /** Somebody else's, or of our own; returns its id. */
  addComment(login: "stranger" | "ourselves", text: string): string;
  removeComment(id: string): void;
  /** Check runs as they are now. */
  checks(): readonly CheckSeen[];
  /** Has the forge tell the repository's hooks of something; resolves when they were answered. */
  sendEvent(): Promise<void>;
  /** The hook's secret, which the API never gives. */
  hookSecret(id: string): string | null;
  /** The next request of the API is answered like this. */
  answerNext(answer: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }): void;
  /** How often the API was asked. */
  asked(): number;
  stop(): Promise<void>;
}

export interface StatusSeen {
  readonly context: string;
  readonly state: StatusState;
  readonly description: string;
  readonly url: string | null;
}

export interface CommentSeen {
  readonly id: string;
  readonly text: string;
}

export interface CheckSeen {
  readonly id: string;
  readonly name: string;
  readonly conclusion: string | null;
  readonly annotations: readonly { readonly path: string; readonly line: number }[];
}
