// Opens a pull request in a bare repository and merges it in the three ways that GitHub offers.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { git } from "./git.ts";
import { type Commit, pushCommit } from "./sample-commit.ts";

export type MergeMethod = "merge" | "squash" | "rebase";

export type PullRequestOptions = {
  readonly number?: number;
  /** The first commit's subject when absent. */
  readonly title?: string;
  readonly branch: string;
  readonly base?: string;
  readonly commits: readonly [Commit, ...Commit[]];
};

export type PullRequest = {
  readonly number: number;
  readonly title: string;
  readonly branch: string;
  readonly base: string;
  /** Where the base branch was when the pull request was opened: as on GitHub, it may be stale by now. */
  readonly baseSha: string;
  readonly headSha: string;
  /** The pull request's own commits, oldest first. */
  readonly commits: readonly string[];
  /** Rejects with git's message on a conflict, and changes nothing then. */
  merge(method: MergeMethod): Promise<Merge>;
  /** Puts one more commit on its branch, and gives the pull request as it is then. */
  push(commit: Commit): Promise<PullRequest>;
};

/** `commits`: by what the base branch moved, oldest first, on its line of first parents; the last one is `mergeCommitSha`. */
export type Merge = {
  readonly method: MergeMethod;
  readonly mergeCommitSha: string;
  readonly commits: readonly string[];
};

type Opening = PullRequestOptions & { readonly folder: string; readonly number: number; readonly base: string };

export async function openPullRequest({ folder, number, title, branch, base, commits }: Opening): Promise<PullRequest> {
  const baseSha = await git(["rev-parse", `refs/heads/${base}`], { cwd: folder });
  const shas: string[] = [];
  for (const commit of commits) shas.push(await pushCommit({ folder, branch, from: base, ...commit }));
  const headSha = shas.at(-1) ?? baseSha;
  await git(["update-ref", `refs/pull/${number}/head`, headSha], { cwd: folder });
  const opened = {
    number,
    title: title ?? subjectOf(commits[0]),
    branch,
    base,
    baseSha,
    headSha,
    commits: shas,
  };
  return withActions(folder, opened);
}

function withActions(folder: string, opened: Opened): PullRequest {
  return {
    ...opened,
    merge: (method) => merge(folder, opened, method),
    push: async (commit) => {
      const { number, branch, base, commits } = opened;
      const headSha = await pushCommit({ folder, branch, from: base, ...commit });
      await git(["update-ref", `refs/pull/${number}/head`, headSha], { cwd: folder });
      return withActions(folder, { ...opened, headSha, commits: [...commits, headSha] });
    },
  };
}

function subjectOf({ message }: Commit): string {
  return message.split("\n", 1).join();
}

type Opened = Omit<PullRequest, "merge" | "push">;

async function merge(folder: string, pullRequest: Opened, method: MergeMethod): Promise<Merge> {
  const ref = `refs/heads/${pullRequest.base}`;
  const before = await git(["rev-parse", ref], { cwd: folder });
  if (method === "rebase") return rebase(folder, pullRequest, before);
  const { headSha } = pullRequest;
  // Without a worktree: what is merged may have large files.
  const tree = await git(["merge-tree", "--write-tree", before, headSha], { cwd: folder });
  const parents = method === "merge" ? [before, headSha] : [before];
  const message = messageOf(pullRequest, method, basename(dirname(folder)));
  const options = [...parents.flatMap((parent) => ["-p", parent]), "-m", message];
  const mergeCommitSha = await git(["commit-tree", tree, ...options], { cwd: folder });
  await git(["update-ref", ref, mergeCommitSha, before], { cwd: folder });
  return { method, mergeCommitSha, commits: [mergeCommitSha] };
}

function messageOf({ number, title, branch }: Opened, method: "merge" | "squash", owner: string): string {
  return method === "squash"
    ? `${title} (#${number})`
    : `Merge pull request #${number} from ${owner}/${branch}\n\n${title}`;
}

/** GitHub makes new commits even where the base has not moved: another committer, another sha. */
async function rebase(folder: string, { base, commits }: Opened, before: string): Promise<Merge> {
  const worktree = await mkdtemp(join(tmpdir(), "merge-"));
  try {
    await git(["worktree", "add", "--quiet", "--detach", worktree, before], { cwd: folder });
    await git(["cherry-pick", ...commits], { cwd: worktree });
    const mergeCommitSha = await git(["rev-parse", "HEAD"], { cwd: worktree });
    await git(["update-ref", `refs/heads/${base}`, mergeCommitSha, before], { cwd: folder });
    const gained = await git(["rev-list", "--reverse", "--first-parent", `${before}..${mergeCommitSha}`], {
      cwd: folder,
    });
    return { method: "rebase", mergeCommitSha, commits: gained.split("\n") };
  } finally {
    await rm(worktree, { recursive: true, force: true });
    await git(["worktree", "prune"], { cwd: folder });
  }
}
