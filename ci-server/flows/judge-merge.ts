// What a merge changed, recorded on its build, and whether the repository's paths ask for a build of it.

import { type Changed, judgePaths } from "../core/judge-paths.ts";
import type { Repository } from "../core/recipe.ts";
import type { BuildRun } from "./build-run.ts";

/** Sets `skipReason` where no changed file matches. A build that was asked for by hand has no merge to judge: null. */
export async function judgeMerge(run: BuildRun, repository: Repository): Promise<Changed | null> {
  const changes = run.checkout?.merge ?? null;
  if (changes === null) return null;
  const changed = { files: changes.files, replaced: await run.parts.store.superseded(run.build.id) };
  const paths = judgePaths(repository.paths, changed);
  await run.parts.store.recordMerge(run.at, { changes, paths });
  run.log(`${changes.method} of ${changes.files.length} changed files, since ${changes.since ?? "the first commit"}`);
  run.skipReason = paths?.refusal ?? null;
  return changed;
}
