// What of a branch's new commits nobody has told of: merges, and commits that no pull request can be named for.

import type { FoundEvent, PullRequest } from "./delivery.ts";
import type { Repository } from "./recipe.ts";
import { type BranchCommit, type PullHeads, type RecognisedMerge, recogniseMerge } from "./recognise-merge.ts";

/** Up to the first commit that was made just now, or by a clock that is a little ahead of ours: its delivery may be on its way. */
export function untilYoung(
  commits: readonly BranchCommit[],
  { now, graceSeconds }: { readonly now: Date; readonly graceSeconds: number },
): readonly BranchCommit[] {
  const isYoung = ({ committedAt }: BranchCommit) =>
    Math.abs(now.getTime() - committedAt.getTime()) < graceSeconds * 1_000;
  const first = commits.findIndex(isYoung);
  return first < 0 ? commits : commits.slice(0, first);
}

/** What the ledger knows of the commits and of the pull requests that they name. */
export interface KnownMerges {
  /** Merges that have a build, with the number of their pull request's commits. */
  readonly shas: ReadonlyMap<string, number>;
  /** Pull requests that have a build, or whose merge was delivered and not built. */
  readonly numbers: ReadonlySet<number>;
}

export interface BranchRange {
  readonly repository: Repository;
  readonly branch: string;
  /** Along first parents, oldest first. */
  readonly commits: readonly BranchCommit[];
  readonly heads: PullHeads;
  readonly known: KnownMerges;
}

/** A pull request is merged once: what names one that was seen is a copy of its commit, and is told of no more. */
export function foundEvents(range: BranchRange): readonly FoundEvent[] {
  const { commits, heads, known } = range;
  const covered = coveredBy(commits, known);
  const seen = new Set(known.numbers);
  const merges: FoundEvent[] = [];
  const others: BranchCommit[] = [];
  for (const commit of commits.filter(({ sha }) => !covered.has(sha))) {
    const merge = recogniseMerge(commit, heads);
    if (merge === null) others.push(commit);
    else if (!seen.has(merge.number)) merges.push(toEvent(range, commit, merge));
    if (merge !== null) seen.add(merge.number);
  }
  const newest = others.at(-1);
  return newest === undefined ? merges : [...merges, { ...toEvent(range, newest, null), commits: others.length }];
}

/** A merge that is known, and the commits before it that a rebase has brought with it. */
function coveredBy(commits: readonly BranchCommit[], { shas }: KnownMerges): ReadonlySet<string> {
  const covered = new Set<string>();
  for (const [index, { sha, parents }] of commits.entries()) {
    const own = shas.get(sha);
    if (own === undefined) continue;
    const before = parents.length > 1 ? 0 : Math.max(own - 1, 0);
    for (const commit of commits.slice(Math.max(index - before, 0), index + 1)) covered.add(commit.sha);
  }
  return covered;
}

/** The numbers that the commits name, to be asked for. */
export function namedNumbers(commits: readonly BranchCommit[], heads: PullHeads): readonly number[] {
  return commits.flatMap((commit) => recogniseMerge(commit, heads)?.number ?? []);
}

function toEvent({ repository, branch }: BranchRange, commit: BranchCommit, merge: RecognisedMerge | null): FoundEvent {
  const pullRequest = merge === null ? null : toPullRequest({ repository, branch, commit, merge });
  const action = merge === null ? "pushed" : "merged";
  return { kind: "found", repository: repository.name, action, branch, sha: commit.sha, commits: 1, pullRequest };
}

interface Merging {
  readonly repository: Repository;
  readonly branch: string;
  readonly commit: BranchCommit;
  readonly merge: RecognisedMerge;
}

function toPullRequest({ repository, branch, commit, merge }: Merging): PullRequest {
  const { number, title, body, headSha } = merge;
  return {
    ...{ number, title, body, url: pageOf(repository, number), draft: false, labels: [], merged: true },
    ...{ mergeCommitSha: commit.sha, baseRef: branch, headSha, commits: 1, author: commit.author, mergedBy: null },
    headRef: headSha === null ? null : `refs/pull/${number}/head`,
  };
}

/** Where the forge shows the pull request. */
function pageOf({ url, forge }: Repository, number: number): string {
  const { protocol, host, hostname, pathname } = new URL(url);
  const origin = protocol === "ssh:" ? `https://${hostname}` : `${protocol}//${host}`;
  return `${origin}${pathname.replace(/\.git$/, "")}/${forge.name === "github" ? "pull" : "pulls"}/${number}`;
}
