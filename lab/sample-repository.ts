// A bare repository as a forge keeps it: real commits, pull requests and merges, all made by git.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "./git.ts";
import { type Commit, type Files, pushCommit } from "./sample-commit.ts";
import { openPullRequest, type PullRequest, type PullRequestOptions } from "./sample-pull-request.ts";

export type RepositoryOptions = {
  readonly root: string;
  readonly name: string;
  readonly files: Files;
  readonly defaultBranch?: string;
};

export type Repository = {
  /** `owner/name`. */
  readonly name: string;
  /** The bare repository: `<root>/<owner>/<name>.git`. */
  readonly folder: string;
  readonly defaultBranch: string;
  /** Puts a commit on a branch, which starts at the default branch when it is new, and gives its sha. */
  commit(options: Commit & { readonly branch?: string }): Promise<string>;
  /** Puts the commits on a branch that starts at `base` (the default branch unless named), and opens a pull request. */
  openPullRequest(options: PullRequestOptions): Promise<PullRequest>;
  /** Removes a branch. */
  remove(branch: string): Promise<void>;
  /** The sha of whatever commit git knows under that name; rejects when there is none. */
  resolve(revision: string): Promise<string>;
  /** The text of a file at a revision; a line end at its end is left out. */
  read(revision: string, file: string): Promise<string>;
};

/** `root` must not hold a repository of that name. Calls on one repository must not overlap. */
export async function createRepository(options: RepositoryOptions): Promise<Repository> {
  const { root, name, files, defaultBranch = "main" } = options;
  const folder = join(root, `${name}.git`);
  await mkdir(folder, { recursive: true });
  await git(["init", "--quiet", "--bare", `--initial-branch=${defaultBranch}`], { cwd: folder });
  // As a forge: it hands out every commit that is reachable, and lets a client leave out contents.
  await git(["config", "uploadpack.allowReachableSHA1InWant", "true"], { cwd: folder });
  await git(["config", "uploadpack.allowFilter", "true"], { cwd: folder });
  await writeFile(join(folder, "git-daemon-export-ok"), "");
  await pushCommit({ folder, branch: defaultBranch, files, message: "Add the application" });
  let lastNumber = 0;
  return {
    name,
    folder,
    defaultBranch,
    commit: ({ branch = defaultBranch, ...commit }) => pushCommit({ folder, branch, from: defaultBranch, ...commit }),
    openPullRequest: ({ number = lastNumber + 1, base = defaultBranch, ...request }) => {
      lastNumber = Math.max(lastNumber, number);
      return openPullRequest({ folder, number, base, ...request });
    },
    remove: async (branch) => {
      await git(["update-ref", "-d", `refs/heads/${branch}`], { cwd: folder });
    },
    resolve: (revision) => git(["rev-parse", "--verify", "--quiet", `${revision}^{commit}`], { cwd: folder }),
    read: (revision, file) => git(["show", `${revision}:${file}`], { cwd: folder }),
  };
}
