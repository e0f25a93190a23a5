// The stage `fetch`: exactly the merged commit, in a folder of its own.

import type { Build } from "../../core/build.ts";
import { AppError } from "../../core/errors.ts";
import type { MergeHint } from "../../core/ports.ts";
import type { BuildRun } from "../build-run.ts";
import { repositoryOf, retry } from "./of-run.ts";

/** Lays out exactly the merged commit, or the commit that the ref of a manual build names now. */
export async function fetchCommit(run: BuildRun): Promise<void> {
  const { build, signal, log, parts } = run;
  await parts.ensureRoom(signal);
  const repository = repositoryOf(run);
  const ref = build.ref ?? repository.branches[0] ?? "";
  // A ref that was asked for by hand is resolved anew: it may name a tag, or what no branch holds.
  const sha = build.trigger === "pull_request" ? build.sha : null;
  const merge = mergeHint(build);
  const checkout = () => parts.git.checkout({ repository, ref, sha, merge, signal, log });
  run.checkout = await retry(run, checkout).catch(missingForGood);
  if (sha === null) await parts.store.resolveSha(run.at, run.checkout.sha);
}

function mergeHint({ pullRequest }: Build): MergeHint | null {
  if (pullRequest === null) return null;
  const { headRef = null, headSha = null, commits = 1 } = pullRequest;
  return { headRef, headSha, commits };
}

/** A replica lags for seconds: a commit that is not there after the tries is not on the branch. */
function missingForGood(error: unknown): never {
  if (!(error instanceof AppError) || error.details.replicaLag !== true) throw error;
  throw new AppError("conflict", error.message, { cause: error });
}
