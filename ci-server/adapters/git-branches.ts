// Asks a remote for a branch, without fetching anything.

import type { AccessTokens } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { entryTo } from "./git-access.ts";
import { gitIn } from "./git-command.ts";
import { toGitError } from "./git-error.ts";

export interface BranchRequest {
  /** Where git's own HOME is. */
  readonly folder: string;
  readonly tokens: AccessTokens;
  readonly repository: Repository;
  readonly branch: string;
  readonly signal: AbortSignal;
}

export async function hasBranch({ folder, tokens, repository, branch, signal }: BranchRequest): Promise<boolean> {
  const { url } = repository;
  const ref = `refs/heads/${branch}`;
  const entry = await entryTo({ repository, url, tokens, signal });
  const text = await gitIn(folder, folder, signal, { env: entry.env })
    .raw(["ls-remote", "--", url, ref])
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw toGitError(cause, { repository, url, entry, ref });
    });
  // A pattern would fit other names that end like this one.
  return text.split("\n").some((line) => line.split("\t")[1] === ref);
}
