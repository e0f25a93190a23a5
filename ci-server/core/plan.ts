// Plans a build: which recipes of the repository, under which image names, tags and labels.

import type { Build } from "./build.ts";
import { AppError } from "./errors.ts";
import { imagePath } from "./image-ref.ts";
import type { Recipe, Repository } from "./recipe.ts";
import type { Service } from "./service.ts";

export interface PlannedCommit {
  readonly sha: string;
  readonly committedAt: Date;
}

/** One recipe for each service asked for. Throws `not_found` when the repository has no such service any more. */
export function plan(build: Build, repository: Repository, commit: PlannedCommit): readonly Recipe[] {
  const services = repository.services.filter((service) => build.service === null || service.name === build.service);
  if (services.length === 0) {
    throw new AppError("not_found", `${repository.name} has no service "${build.service}" any more; see mergedock.yml`);
  }
  return services.map((service) => toRecipe(build, repository, commit, service));
}

function toRecipe(build: Build, repository: Repository, commit: PlannedCommit, service: Service): Recipe {
  const { name, paths: _paths, ...rest } = service;
  return {
    ...rest,
    service: name,
    annotations: {},
    image: imagePath(repository.name, service.name),
    tags: tagsOf(build, commit.sha),
    labels: labelsOf(build, repository, commit, service),
    ownLabels: service.labels,
    noCache: service.noCache || build.noCache === true,
  };
}

/** `sha-<7>` always, as docker/metadata-action writes it; then `pr-<number>` of a merge, or the version asked for by hand. */
function tagsOf(build: Build, sha: string): Recipe["tags"] {
  const tags: [string, ...string[]] = [`sha-${sha.slice(0, 7)}`];
  if (build.pullRequest !== null) tags.push(`pr-${build.pullRequest.number}`);
  if (build.version !== null) tags.push(build.version);
  return tags;
}

/** Source: OCI image specification 1.1, annotations. The dates are the commit's, so that the same commit gives the same image. */
function labelsOf(
  build: Build,
  repository: Repository,
  commit: PlannedCommit,
  service: Service,
): Record<string, string> {
  const labels: Record<string, string> = {
    "org.opencontainers.image.created": commit.committedAt.toISOString(),
    "org.opencontainers.image.source": repository.url,
    "org.opencontainers.image.revision": commit.sha,
    "org.opencontainers.image.title": service.name,
    "dev.mergedock.repository": repository.name,
  };
  if (build.version !== null) labels["org.opencontainers.image.version"] = build.version;
  if (build.pullRequest !== null) labels["dev.mergedock.pull-request"] = String(build.pullRequest.number);
  if (build.pullRequest?.mergedBy) labels["dev.mergedock.merged-by"] = build.pullRequest.mergedBy;
  if (build.deliveryGuid !== null) labels["dev.mergedock.delivery"] = build.deliveryGuid;
  return labels;
}
