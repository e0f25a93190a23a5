// Where commits come from.

import type { MergeRange } from "../merge-range.ts";
import type { Repository } from "../recipe.ts";
import type { WriteLine } from "./log.ts";

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
  /** Null where the forge does not say: they are counted from `mergeBase`. */
  readonly commits: number | null;
  readonly mergeBase?: string | null;
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
  /**
   * A file of the commit, `path` relative to its root, read from git's objects and not from the folder: no link is followed.
   * Null when there is none. Throws `invalid` for a link, a folder, or one of more than `bytesMax`.
   */
  read(path: string, bytesMax: number): Promise<Uint8Array | null>;
  /**
   * Whether the second commit has the first one before it, or is the same. Where the mirror lacks one of them, the request's ref
   * is fetched once more; null when it still does. Throws `unavailable`.
   */
  isAncestor(sha: string, of: string): Promise<boolean | null>;
  /** Lets another checkout have the folder. To be called once, when nobody reads from it any more. */
  release(): void;
}

/** Brings commits from the repository's configured URL, and what they need from the hosts that are allowed for it. */
export interface Git {
  /**
   * Fetches one ref (and a merge's `headRef`, without which it does as well) and lays out exactly one commit, with its
   * submodules and LFS files where the repository has them. Idempotent, and may run several times at once. Secrets are read
   * from their files each time.
   * Throws `not_found` (the remote has no such ref), `conflict` (the commit is not on the branch), `too_large`,
   * `unavailable` (the remote cannot be reached, or does not have the commit yet), `unauthorized`, `forbidden` (a host that
   * is not allowed, or whose key is not the known one), `timeout`, `invalid`.
   */
  checkout(request: CheckoutRequest): Promise<Checkout>;
  /** Whether the remote has the branch now. Throws `unavailable`, `unauthorized`, `not_found`. */
  hasBranch(repository: Repository, branch: string, signal: AbortSignal): Promise<boolean>;
  /** What must not be read in a log: tokens that were sent for the repository of this name, the newest ones last. */
  secretsOf(repository: string): readonly string[];
}
