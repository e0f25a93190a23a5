// Builds again what a build was of: the same commit, from the recipes as they are now.

import type { Build, BuildRequest } from "../core/build.ts";
import { findRepository } from "../core/decide.ts";
import { AppError } from "../core/errors.ts";
import type { Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";

export interface RebuildParts {
  readonly store: Store;
  readonly repositories: readonly Repository[];
}

export interface RebuildRequest {
  readonly buildId: number;
  /** Whether all is made anew, whatever was made of the same before. */
  readonly noCache: boolean;
  /** The service to build; null is all of them. Absent: what the build was of. */
  readonly service?: string | null;
}

/** Returns the new build's id. Throws `not_found`, `conflict` (the repository is not configured any more, the key has another request). */
export async function rebuild(
  { store, repositories }: RebuildParts,
  { buildId, noCache, service }: RebuildRequest,
  idempotencyKey: string | null,
): Promise<number> {
  const build = await store.build(buildId);
  if (build === null)
    throw new AppError("not_found", `there is no build ${buildId}; the list of builds has those that there are`);
  if (findRepository(repositories, build.repository) === undefined)
    throw new AppError(
      "conflict",
      `${build.repository} is not configured any more; see "repositories" in mergedock.yml`,
    );
  const of = service === undefined ? build : { ...build, service };
  return store.request(again(of, noCache), idempotencyKey);
}

/**
 * A merge's images get the tags that the merge's own build gave them. A version that was asked for by hand is not given again:
 * it was given to what was built then.
 */
function again({ repository, sha, ref, service, pullRequest, deliveryGuid }: Build, noCache: boolean): BuildRequest {
  return {
    ...{ repository, trigger: "manual", sha, ref, service, version: null, pullRequest, deliveryGuid },
    noCache,
  };
}
