// Plans a build: which recipes of the repository, under which image names, tags and labels.

import type { Build } from "./build.ts";
import { AppError } from "./errors.ts";
import { imagePath } from "./image-ref.ts";
import type { Recipe, Repository } from "./recipe.ts";
import type { Service } from "./service.ts";
import { imageTags } from "./tags/of-build.ts";

export interface PlannedCommit {
  readonly sha: string;
  readonly committedAt: Date;
}

/** One recipe for each service asked for. Throws `not_found` when the repository has no such service any more, `invalid` for a tag rule with a mistake. */
export function plan(build: Build, repository: Repository, commit: PlannedCommit): readonly Recipe[] {
  const services = repository.services.filter((service) => build.service === null || service.name === build.service);
  if (services.length === 0) {
    throw new AppError("not_found", `${repository.name} has no service "${build.service}" any more; see mergedock.yml`);
  }
  return services.map((service) => toRecipe(build, repository, commit, service));
}

function toRecipe(build: Build, repository: Repository, commit: PlannedCommit, service: Service): Recipe {
  const { name, paths: _paths, flavor: _flavor, ...rest } = service;
  return {
    ...rest,
    service: name,
    image: imagePath(repository.name, service.name),
    ...imageTags({ build, repository, service, commit }),
  };
}
