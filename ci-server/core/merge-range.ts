// How a pull request was merged, and from which commit to which its changes reach: read from the commits themselves.

/** `squash_or_rebase`: the commits do not tell; its range is the wider one. `fast_forward`: the branch was moved to the head. */
export const mergeMethods = ["merge", "squash", "rebase", "fast_forward", "squash_or_rebase"] as const;
export type MergeMethod = (typeof mergeMethods)[number];

/** The changes are those from `since` to the merged commit; null is before the first commit of all. */
export interface MergeRange {
  readonly method: MergeMethod;
  readonly since: string | null;
}

export interface MergedCommit {
  readonly sha: string;
  readonly parents: readonly string[];
  /** Author, author's time and message: what a rebase keeps of a commit. */
  readonly authorship: string;
}

export interface MergeEvidence {
  /** The merged commit and those before it along first parents; one more than `commits` suffices. */
  readonly line: readonly [MergedCommit, ...MergedCommit[]];
  /** How many commits the pull request had. */
  readonly commits: number;
  /** The pull request's last own commit; null where it is not known. */
  readonly headSha: string | null;
  /** The pull request's commits of which the base branch has none, newest first; empty where they are not known. */
  readonly own: readonly MergedCommit[];
}

/**
 * Two parents are a merge. With one parent, the pull request's own commits say it: a rebase puts copies of them on the
 * base branch that keep author, author's time and message; a squash has a message and a time of its own.
 *
 * A squash of one commit with the very same message, author and second would be read as a rebase of one commit: both
 * have the same range. The other way round, commits of the base branch that are copies of the pull request's (picked
 * before, or of a pull request that this one was stacked on) make the range of a rebase wider than it is: nothing that
 * was changed is missed.
 */
export function mergeRange(evidence: MergeEvidence): MergeRange {
  const { line, commits, headSha } = evidence;
  const [merged] = line;
  // Its parents are the pull request's, not the base branch's: they do not say how far back the base branch was.
  if (merged.sha === headSha) return { method: "fast_forward", since: sinceOf(line, commits) };
  if (merged.parents.length > 1) return { method: "merge", since: sinceOf(line, 1) };
  if (!areOwnKnown(evidence)) {
    const method = commits <= 1 ? "squash" : "squash_or_rebase";
    return { method, since: sinceOf(line, commits) };
  }
  const copies = countCopies(evidence);
  return copies > 0
    ? { method: "rebase", since: sinceOf(line, copies) }
    : { method: "squash", since: sinceOf(line, 1) };
}

/** The ref may be missing, or a replica may have it as it was before the last push. */
function areOwnKnown({ own, headSha }: MergeEvidence): boolean {
  const [newest] = own;
  return newest !== undefined && (headSha === null || newest.sha === headSha);
}

function countCopies({ line, commits, own }: MergeEvidence): number {
  const authorships = new Set(own.map(({ authorship }) => authorship));
  const possible = line.slice(0, commits);
  const other = possible.findIndex(({ parents, authorship }) => parents.length > 1 || !authorships.has(authorship));
  return other < 0 ? possible.length : other;
}

/** The first parent of the commit that is the last of `steps`, or of the last one there is. */
function sinceOf(line: MergeEvidence["line"], steps: number): string | null {
  const first = line[Math.min(Math.max(steps, 1), line.length) - 1];
  return first?.parents[0] ?? null;
}
