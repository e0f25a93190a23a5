// Tokens, sessions and the audit. Neither a token nor a session's value comes here: only their SHA-256.

import type { AccessToken, Actor, AuditEntry, AuditRecord } from "../accounts.ts";

export interface NewToken extends Actor {
  readonly hash: Uint8Array;
  readonly prefix: string;
  readonly createdBy: string;
}

export interface NewSession {
  readonly hash: Uint8Array;
  /** Of the token that it is begun with. */
  readonly tokenHash: Uint8Array;
  readonly daysMax: number;
  /** Of the same token: the oldest beyond it end. */
  readonly sessionsMax: number;
}

/** Throws `unavailable` when the database cannot be reached. */
export interface Accounts {
  /** Newest first, the revoked ones too. */
  tokens(): Promise<readonly AccessToken[]>;
  /** Throws `conflict` when the name is taken, or when there are `tokensMax` already. */
  createToken(token: NewToken, tokensMax: number): Promise<void>;
  /** Ends its sessions as well. Throws `not_found` when no token that is in use has the name. */
  revokeToken(name: string): Promise<void>;
  /** Whose token it is; null when it is nobody's, or was revoked. Notes the use, at most once a minute. */
  tokenOwner(hash: Uint8Array): Promise<Actor | null>;
  startSession(session: NewSession): Promise<void>;
  /** The hash of the token that the session was begun with; null when there is none, or none any more. */
  sessionToken(hash: Uint8Array): Promise<Uint8Array | null>;
  endSession(hash: Uint8Array): Promise<void>;
  /** Keeps the newest `entriesMax`, of which a tenth at most are logins that failed. */
  record(entry: AuditRecord, entriesMax: number): Promise<void>;
  /** Newest first. `before`: entries with a lower id. */
  audit(page: { readonly before: number | null; readonly limit: number }): Promise<readonly AuditEntry[]>;
}
