// Asks a remote for a branch, without fetching anything.

import type { Repository } from "../core/recipe.ts";
import { gitIn } from "./git-command.ts";
import { toGitError } from "./git-error.ts";

/** `folder`: where git's own HOME is. */
export async function hasBranch(
  folder: string,
  {
    repository,
    branch,
    signal,
  }: { readonly repository: Repository; readonly branch: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const ref = `refs/heads/${branch}`;
  const text = await gitIn(folder, folder, signal)
    .raw(["ls-remote", "--", repository.url, ref])
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw toGitError(cause, repository, ref);
    });
  // A pattern would fit other names that end like this one.
  return text.split("\n").some((line) => line.split("\t")[1] === ref);
}
