// What is kept of webhooks: their secrets, which all receivers share, and the hooks that we have made on forges.

/** `made`: for hooks. `app`: a GitHub App's own, which no rotation replaces. */
export type SecretOrigin = "made" | "app";

export interface StoredSecret {
  /** The beginning of its SHA-256, as deliveries have it. */
  readonly id: string;
  readonly secret: string;
  readonly origin: SecretOrigin;
  readonly ageMs: number;
  /** Whether every hook has it, or a later one. */
  readonly isRolledOut: boolean;
  /** For how long it is still accepted; null: until it has a successor. */
  readonly acceptedMs: number | null;
}

export interface NewSecret {
  readonly secret: string;
  readonly origin: SecretOrigin;
  readonly isRolledOut: boolean;
}

/** Throws `unavailable` when the database cannot be reached. */
export interface SecretStore {
  /** Those that are accepted, newest first. One that was replaced so long ago is forgotten, for good. */
  accepted(overlapHours: number): Promise<readonly StoredSecret[]>;
  /** One that is known, or was once, stays as it is. Returns its id. */
  keep(secret: NewSecret): Promise<string>;
  /** Every hook has it: those that were made before it are replaced. Idempotent. */
  rolledOut(id: string): Promise<void>;
}

/** A hook of ours, as we left it on the forge. */
export interface HookRecord {
  readonly forge: string;
  /** `owner/name`. */
  readonly repository: string;
  readonly hookId: string;
  readonly url: string;
  readonly secretId: string;
}

export interface KeptHook extends HookRecord {
  readonly changedAt: Date;
  readonly lastPingAt: Date | null;
}

/** A verified delivery, as far as it tells of the hook that sent it. */
export interface HookTrace {
  readonly receivedAt: Date;
  readonly secretId: string;
}

export interface HookOf {
  readonly forge: string;
  readonly repository: string;
  readonly hookId: string;
}

/** Throws `unavailable` when the database cannot be reached. */
export interface HookStore {
  list(): Promise<readonly KeptHook[]>;
  find(forge: string, repository: string): Promise<KeptHook | null>;
  /** Of a repository there is one. */
  save(record: HookRecord): Promise<void>;
  /** The newest delivery in the ledger; `hookId` null: of whichever of the repository's hooks. Null when there is none. */
  lastDelivery(
    of: { readonly [K in keyof HookOf]: K extends "hookId" ? string | null : string },
  ): Promise<HookTrace | null>;
  /** Notes and returns when a ping of the hook came last; null when none did. */
  lastPing(of: HookOf): Promise<Date | null>;
  /** Whether a ping of the hook came after the delivery with this id. */
  pingedSince(of: HookOf, deliveryId: number): Promise<boolean>;
  /** Id of the newest delivery; 0 when there is none. */
  newestDelivery(): Promise<number>;
}

/** Who has gone to the forge to make an App there. Neither the state nor the session comes here: only their SHA-256. */
export interface AppRequests {
  begin(request: AppRequest, seconds: number): Promise<void>;
  /** The host that it was begun for; null when there is none, none any more, or when it is another session's. Once. */
  take(hash: Uint8Array, sessionHash: Uint8Array): Promise<string | null>;
}

/** What the forge gives for the code, once. */
export interface MadeApp {
  readonly id: string;
  readonly slug: string;
  /** Of the App, on the forge. */
  readonly pageUrl: string;
  /** PEM. */
  readonly privateKey: string;
  /** Null where it has no webhook. */
  readonly webhookSecret: string | null;
}

export interface AppRequest {
  readonly hash: Uint8Array;
  readonly sessionHash: Uint8Array;
  /** `https://github.com`. */
  readonly host: string;
}
