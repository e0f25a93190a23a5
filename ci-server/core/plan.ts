// Plans a build: which recipes of the repository, under which image names, tags and labels.

import type { Build, PlannedService } from "./build.ts";
import { AppError } from "./errors.ts";
import { imagePath } from "./image-ref.ts";
import type { Changed } from "./judge-paths.ts";
import { judgeServices, noImageRefusal } from "./judge-services.ts";
import type { Recipe, Repository } from "./recipe.ts";
import type { RepositoryAbout } from "./repository-about.ts";
import type { Service } from "./service.ts";
import { imageTags } from "./tags/of-build.ts";

export interface PlannedCommit {
  readonly sha: string;
  readonly committedAt: Date;
}

export interface PlanRequest {
  readonly build: Build;
  readonly repository: Repository;
  /** What its forge says of it; null where nobody knows. */
  readonly about: RepositoryAbout | null;
  /** The repository's images, as the server's configuration or its own file says. */
  readonly services: readonly Service[];
  readonly commit: PlannedCommit;
  /** Null where nobody knows what was changed: everything is built. */
  readonly changed: Changed | null;
  /** Services of which the branch has an image that is up to date, but for what this build changes. */
  readonly isThere: (service: string) => boolean;
}

export interface Plan {
  /** In an order in which each one comes after those that it needs. */
  readonly recipes: readonly Recipe[];
  /** Of every service. */
  readonly verdicts: readonly PlannedService[];
  /** Why nothing is built; null when something is. */
  readonly refusal: string | null;
}

/** Throws `not_found` when the repository has no service of the name asked for, `not_implemented` for a type that nobody builds. */
export function plan(request: PlanRequest): Plan {
  const { build, repository, services, changed, isThere } = request;
  const asked = build.service;
  if (asked !== null && !services.some(({ name }) => name === asked)) {
    const names = services.map(({ name }) => name).join(", ");
    throw new AppError("not_found", `${repository.name} has no service "${asked}" in this commit; it has: ${names}`);
  }
  const verdicts = judgeServices({ services, asked, changed, isThere });
  const isBuilt = ({ name }: Service) =>
    verdicts.some(({ service, verdict }) => service === name && verdict === "build");
  const recipes = inOrderOfNeeds(services.filter(isBuilt)).map((service) => {
    if (service.type === "ami") throw new AppError("not_implemented", `${service.name}: ${amiMessage}`);
    // The version is that of what was asked for, not of what that one needs.
    const asIt = asked === null || asked === service.name ? build : { ...build, version: null };
    return toRecipe({ ...request, build: asIt }, service);
  });
  return { recipes, verdicts, refusal: recipes.length > 0 ? null : noImageRefusal(verdicts, changed) };
}

const amiMessage = 'images of type "ami" cannot be built yet; use type "docker"';

/** They do not go in a circle. */
function inOrderOfNeeds(services: readonly Service[]): Service[] {
  const ordered: Service[] = [];
  const add = (service: Service) => {
    if (ordered.includes(service)) return;
    for (const need of services) if (service.needs.includes(need.name)) add(need);
    ordered.push(service);
  };
  for (const service of services) add(service);
  return ordered;
}

function toRecipe({ build, repository, about, commit }: PlanRequest, service: Service): Recipe {
  const { name, paths: _paths, flavor: _flavor, ...rest } = service;
  return {
    ...rest,
    service: name,
    image: imagePath(repository.name, service.name),
    ...imageTags({ build, repository, about, service, commit }),
    ownLabels: service.labels,
    noCache: service.noCache || build.noCache === true,
  };
}
