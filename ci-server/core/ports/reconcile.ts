// What is looked for because it did not arrive, and how far each look has come.

import type { Repository } from "../recipe.ts";
import type { BranchCommit, PullHeads } from "../recognise-merge.ts";

/** `api`: the deliveries of the hook. `git`: the branches. */
export const reconcileWays = ["api", "git"] as const;
export type ReconcileWay = (typeof reconcileWays)[number];

/** One look at one repository. */
export interface ReconcileClaim {
  /** In lower case. */
  readonly repository: string;
  /** Counts the looks. */
  readonly round: number;
}

export interface ReconcileOutcome {
  /** Null: it came to none. */
  readonly way: ReconcileWay | null;
  /** Deliveries that had not arrived, and merges that nobody told of. */
  readonly found: number;
  /** Why the look was not all that it should be; null when it was. */
  readonly problem: string | null;
  /** When somebody looks again; null: when it is asked for. */
  readonly againSeconds: number | null;
}

export interface ReconcileState {
  readonly repository: string;
  readonly round: number;
  readonly endedRound: number;
  /** Null: never yet. */
  readonly lookedAt: Date | null;
  readonly endedAt: Date | null;
  readonly dueAt: Date | null;
  readonly way: ReconcileWay | null;
  /** Of the last look that has ended. */
  readonly found: number;
  readonly problem: string | null;
}

/** All may be called by several processes at once. They throw `unavailable` when the database cannot be reached. */
export interface ReconcileStore {
  /** Has somebody look now, and once more where somebody is looking: returns the rounds that are to be waited for. */
  ask(repositories: readonly string[]): Promise<readonly ReconcileClaim[]>;
  /**
   * One of these that is due; null when none is. Nobody else is given it for `seconds` or until `end`; whoever dies while
   * looking has somebody else look after that.
   */
  claim(repositories: readonly string[], seconds: number): Promise<ReconcileClaim | null>;
  /** Says nothing where the round is not the newest any more. */
  end(claim: ReconcileClaim, outcome: ReconcileOutcome): Promise<void>;
  states(repositories: readonly string[]): Promise<readonly ReconcileState[]>;
  /** The hooks whose deliveries have come for the repository of late. */
  hooksSeen(repository: string): Promise<readonly string[]>;
  /** Until when all that the hook has sent is known here; null: never looked. */
  hookCompleteAt(repository: string, hookId: string): Promise<Date | null>;
  noteHook(repository: string, hookId: string, completeAt: Date): Promise<void>;
  /** Those that the ledger has. */
  knownDeliveries(guids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Up to which commit the branch was looked through; null: never. */
  branchTip(repository: string, branch: string): Promise<string | null>;
  noteBranch(repository: string, branch: string, tip: string): Promise<void>;
  /** The commit of the branch's newest merge that has a build; null where none has. */
  lastMerge(repository: string, branch: string): Promise<string | null>;
  /** Of these commits the ones that are merges with a build, with the number of their pull request's commits. */
  mergesBuilt(repository: string, shas: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Of these pull requests those that have a build, or whose merge was delivered and not built. */
  pullRequestsSeen(repository: string, numbers: readonly number[]): Promise<ReadonlySet<number>>;
}

export interface CommitRange {
  readonly repository: Repository;
  readonly branch: string;
  /** Where the look begins: it is not among the commits itself. */
  readonly since: string;
  readonly tip: string;
  /** Of the newest; those before them are left out. */
  readonly max: number;
  readonly signal: AbortSignal;
}

/** What git alone shows of a remote. Throws as Git's `hasBranch` and `checkout`. May run several times at once. */
export interface GitHistory {
  /** Its branches and where they are now, without fetching anything. */
  branches(repository: Repository, signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** The heads of its pull requests; empty where the remote keeps none. */
  pullHeads(repository: Repository, signal: AbortSignal): Promise<PullHeads>;
  /**
   * Fetches the branch, and reads its commits along first parents, oldest first. Where `since` is not among what the branch has
   * come from any more, from the commit on that both have come from.
   */
  commits(range: CommitRange): Promise<readonly BranchCommit[]>;
}
