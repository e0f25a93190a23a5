// What we ask of a forge, as one repository's access lets us.
// Throws, whatever is asked: `unauthorized` (the token or the app is refused), `forbidden` (it lacks a permission, which the
// message names), `not_found`, `invalid` (the forge takes no such value), `rate_limited` and `unavailable` (worth trying again,
// `details.retryAfterMs`: not before). Messages hold no secret.

import type { Repository } from "../recipe.ts";

export interface ForgeApi {
  /** Of a forge: `github`. */
  readonly name: string;
  /** Null where the repository has no access that the forge's API takes: a deploy key, or none at all. */
  of(repository: Repository): ForgeRepository | null;
}

/** One repository, asked for with its own access. Each call is one question; none is repeated in here. */
export interface ForgeRepository {
  /** `owner/name`. */
  readonly name: string;
  /** Null where its access may make none: GitHub lets only Apps. */
  readonly checks: ForgeChecks | null;
  readonly hooks: ForgeHooks;
  /** The webhook of the App as which it is asked: one for all of its repositories. Null or absent where it is asked otherwise. */
  appHook?(signal: AbortSignal): Promise<AppHook | null>;
  setStatus(status: CommitStatus, signal: AbortSignal): Promise<void>;
  /** Returns the comment's id. `not_found`: the one of this id is gone. Null makes a new one. */
  putComment(comment: PullRequestComment, id: string | null, signal: AbortSignal): Promise<string>;
  /** The newest of the pull request's comments of our own that holds this text. */
  findComment(pullRequest: number, text: string, signal: AbortSignal): Promise<string | null>;
  /** What a person may do in the repository. */
  permission(login: string, signal: AbortSignal): Promise<Permission>;
}

export type Permission = "none" | "read" | "write";

/** `success`: built, or nothing had to be. `failure` is the user's, `error` is ours. */
export const statusStates = ["pending", "success", "failure", "error"] as const;
export type StatusState = (typeof statusStates)[number];

export interface CommitStatus {
  readonly sha: string;
  /** `ci/mergedock/cart`. */
  readonly context: string;
  readonly state: StatusState;
  /** At most 140 characters, which is what GitHub takes. */
  readonly description: string;
  /** The build's page; null where nobody said under which address this server is reached. */
  readonly url: string | null;
}

export interface PullRequestComment {
  readonly pullRequest: number;
  /** Markdown. */
  readonly text: string;
}

export interface ForgeChecks {
  /** Makes one, or updates the one of this id; returns its id. */
  put(check: CheckRun, id: string | null, signal: AbortSignal): Promise<string>;
}

export interface CheckRun {
  readonly sha: string;
  readonly name: string;
  readonly url: string | null;
  /** What we call it. */
  readonly externalId: string;
  /** Null while it is queued; while it runs `startedAt` is set and `conclusion` is null. */
  readonly startedAt: Date | null;
  readonly completedAt: Date | null;
  readonly conclusion: "success" | "failure" | "cancelled" | "timed_out" | "neutral" | "skipped" | null;
  readonly title: string;
  /** Markdown. */
  readonly summary: string;
  /** Markdown; the failing step's last lines. */
  readonly text: string | null;
  readonly annotations: readonly Annotation[];
}

/** `path`: of the repository. `line` counts from 1. */
export interface Annotation {
  readonly path: string;
  readonly line: number;
  readonly title: string;
  readonly message: string;
}

export interface ForgeHooks {
  list(signal: AbortSignal): Promise<readonly Hook[]>;
  create(settings: HookSettings, signal: AbortSignal): Promise<Hook>;
  /** Sets all of it, the secret too. */
  update(id: string, settings: HookSettings, signal: AbortSignal): Promise<Hook>;
  remove(id: string, signal: AbortSignal): Promise<void>;
  /** Has the forge send its question whether anybody is there. */
  ping(id: string, signal: AbortSignal): Promise<void>;
  /** Whether the forge sends that question by itself to a hook that was just made. */
  readonly pingsNew: boolean;
  /** Null where the forge does not tell what it has sent. */
  readonly deliveries: HookDeliveries | null;
}

export interface Hook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly contentType: string;
  readonly isActive: boolean;
  readonly verifiesTls: boolean;
}

export interface AppHook {
  readonly url: string;
  readonly events: readonly string[];
  /** Of all repositories where the App is installed; which hook is meant need not be said. */
  readonly deliveries: HookDeliveries;
}

export interface HookSettings {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly string[];
}

export interface HookDeliveries {
  /** What was sent since then, newest first, each attempt for itself; at most `max` of them. */
  list(hookId: string, since: Date, max: number, signal: AbortSignal): Promise<readonly HookDelivery[]>;
  /** What was sent: the event's name, the headers and the payload, as the forge has kept them. Not the bytes that were signed. */
  read(hookId: string, id: string, signal: AbortSignal): Promise<SentDelivery>;
  /** Asks for one more attempt, of the same GUID. */
  redeliver(hookId: string, id: string, signal: AbortSignal): Promise<void>;
}

export interface HookDelivery {
  /** Of this attempt. */
  readonly id: string;
  /** The same for all attempts. */
  readonly guid: string;
  readonly event: string;
  readonly action: string | null;
  readonly deliveredAt: Date;
  /** What it was answered with; null when nobody answered. */
  readonly statusCode: number | null;
}

export interface SentDelivery {
  readonly guid: string;
  readonly event: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: Uint8Array;
}
