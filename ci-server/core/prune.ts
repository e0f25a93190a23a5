// What pruning says of a thing: that it goes or that it stays, and why.

/** `registry`: images and tags; `engine`: images and build cache; `folders`: mirrors and worktrees; `logs`: logs and steps of builds. */
export const pruneAreas = ["registry", "engine", "folders", "logs"] as const;
export type PruneArea = (typeof pruneAreas)[number];

/** One thing, named so that a person finds it. */
export interface PruneItem {
  readonly what: string;
  readonly verdict: "remove" | "keep";
  readonly reason: string;
  /** What goes with it, where that is known. A layer that another image has too stays. */
  readonly bytes: number | null;
  /** Why it could not be removed. */
  readonly problem: string | null;
}

/** `items`: a bounded number of each verdict, those that go first; the counts are of all. */
export interface AreaReport {
  readonly area: PruneArea;
  /** In a dry run: what would be. */
  readonly removed: number;
  readonly kept: number;
  readonly failed: number;
  /** Of what was removed and is known. */
  readonly bytes: number;
  /** What is to be known of the whole: what was left out, and why. */
  readonly notes: readonly string[];
  readonly items: readonly PruneItem[];
}

export interface PruneReport {
  readonly dryRun: boolean;
  readonly areas: readonly AreaReport[];
}

/** A verdict that says why, or nothing to say. */
export interface Verdict {
  readonly verdict: "remove" | "keep";
  readonly reason: string;
}

export function keep(reason: string): Verdict {
  return { verdict: "keep", reason };
}

export function remove(reason: string): Verdict {
  return { verdict: "remove", reason };
}
