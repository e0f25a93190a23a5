// Merges a pull request in a bare repository in the ways that Gitea offers (services/pull/merge*.go).

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { git } from "../../../lab/git.ts";
import type { PullRequest } from "../../../lab/sample-pull-request.ts";

export const mergeStyles = ["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"] as const;
export type MergeStyle = (typeof mergeStyles)[number];

type Opened = Omit<PullRequest, "merge">;

/** Returns the sha that the base branch was moved to. */
export async function mergeAs(style: MergeStyle, folder: string, pull: Opened): Promise<string> {
  const ref = `refs/heads/${pull.base}`;
  const before = await git(["rev-parse", ref], { cwd: folder });
  const cwd = await mkdtemp(join(tmpdir(), "gitea-merge-"));
  try {
    await git(["worktree", "add", "--quiet", "--detach", cwd, before], { cwd: folder });
    await run[style]({ run: (...command) => git(command, { cwd }), before, pull });
    const sha = await git(["rev-parse", "HEAD"], { cwd });
    await git(["update-ref", ref, sha, before], { cwd: folder });
    return sha;
  } finally {
    await rm(cwd, { recursive: true, force: true });
    await git(["worktree", "prune"], { cwd: folder });
  }
}

interface Work {
  readonly run: (...command: string[]) => Promise<string>;
  readonly before: string;
  readonly pull: Opened;
}

const run: Readonly<Record<MergeStyle, (work: Work) => Promise<unknown>>> = {
  merge: (work) => mergeCommit(work, work.pull.headSha),
  rebase,
  "rebase-merge": async (work) => {
    await rebase(work);
    const rebased = await work.run("rev-parse", "HEAD");
    await work.run("checkout", "--quiet", "--detach", work.before);
    await mergeCommit(work, rebased);
  },
  squash: async ({ run, pull }) => {
    await run("merge", "--quiet", "--squash", pull.headSha);
    await run("commit", "--quiet", "-m", `${pull.title} (#${pull.number})`);
  },
  "fast-forward-only": ({ run, pull }) => run("merge", "--quiet", "--ff-only", pull.headSha),
};

/** The very same commits where the base branch has not moved. */
async function rebase({ run, before, pull }: Work): Promise<void> {
  await run("checkout", "--quiet", "--detach", pull.headSha);
  await run("rebase", "--quiet", before);
}

function mergeCommit({ run, pull: { title, number, branch, base } }: Work, sha: string): Promise<string> {
  const message = `Merge pull request '${title}' (#${number}) from ${branch} into ${base}`;
  return run("merge", "--quiet", "--no-ff", "-m", message, sha);
}
