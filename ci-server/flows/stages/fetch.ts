// The stage `fetch`: exactly the merged commit, in a folder of its own.

import { defaultBranch } from "../../core/branch-pattern.ts";
import type { Build } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import type { MergeHint } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import type { BuildRun } from "../build-run.ts";
import { repositoryOf, retry } from "./of-run.ts";

/** Lays out exactly the merged commit, or the commit that the ref of a manual build names now. */
export async function fetchCommit(run: BuildRun): Promise<void> {
  const { build, signal, log, parts } = run;
  await parts.ensureRoom(signal);
  const repository = repositoryOf(run);
  const { ref, sha } = whatToFetch(build, repository);
  const merge = mergeHint(build);
  const checkout = () => parts.git.checkout({ repository, ref, sha, merge, signal, log });
  run.checkout = await retry(run, checkout).catch(missingForGood);
  // From here on: what git itself says is without them.
  run.hide(parts.git.secretsOf(repository.name));
  if (build.sha === null) await parts.store.resolveSha(run.at, run.checkout.sha);
}

/**
 * The commit of a merge has to be on its branch. What was asked for by hand may name a tag, or what no branch holds: once its
 * commit is known, an attempt builds that one, wherever the ref has moved to.
 */
function whatToFetch({ pullRequest, ref, sha }: Build, { branches }: Repository): { ref: string; sha: string | null } {
  const usual = ref ?? defaultBranch(branches) ?? "";
  return pullRequest === null ? { ref: sha ?? usual, sha: null } : { ref: usual, sha };
}

/** A build because of a base image asks nobody what its merge changed: that image has to be made anew. */
function mergeHint({ pullRequest, trigger }: Build): MergeHint | null {
  if (pullRequest === null || trigger === "base_image") return null;
  const { headRef = null, headSha = null, commits = 1, mergeBase = null } = pullRequest;
  return { headRef, headSha, commits, mergeBase };
}

/** A replica lags for seconds: a commit that is not there after the tries is not on the branch. */
function missingForGood(error: unknown): never {
  if (!(error instanceof AppError) || error.details.replicaLag !== true) throw error;
  throw new AppError("conflict", error.message, { cause: error });
}
