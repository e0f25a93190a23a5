// Queues an image asked for by hand: a service at a version, from a ref or from the repository's first branch.

import { defaultBranch } from "../core/branch-pattern.ts";
import { AppError } from "../core/errors.ts";
import { isTag, usualName } from "../core/image-ref.ts";
import type { Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { recipeFileName } from "../core/recipe-file.ts";
import { type ImageType, serviceName } from "../core/service.ts";

export interface ImageRequest {
  /** `shop`, or `acme/shop/cart` where the short name is not unique. */
  readonly service: string;
  /** Becomes a tag. */
  readonly version: string;
  readonly type: ImageType;
  readonly ref: string | null;
  /** Whether it is made anew, whatever was made of the same before. */
  readonly noCache: boolean;
}

export interface RequestParts {
  readonly store: Store;
  readonly repositories: readonly Repository[];
}

/** Returns the build's id. Throws `not_found`, `conflict` (the name is not unique, the key has another request), `invalid`, `not_implemented`. */
export async function requestImage(
  { store, repositories }: RequestParts,
  request: ImageRequest,
  idempotencyKey: string | null,
): Promise<number> {
  if (request.type === "ami") {
    throw new AppError("not_implemented", 'images of type "ami" cannot be built yet; ask for type "docker"');
  }
  if (!isTag(request.version)) {
    const rule = "at most 128 letters, digits, _ . - and not beginning with . or -";
    throw new AppError("invalid", `version "${request.version}" cannot be a tag: ${rule}`);
  }
  if (request.version === "latest") {
    const message = `version "latest" names no content for ever, as a version does; ask for a version such as 1.2.3, and let a tag rule give latest`;
    throw new AppError("invalid", message);
  }
  if (/^(?:build|pr|sha)-/.test(request.version)) {
    const message = `version "${request.version}" begins like a tag that builds get by themselves (build-, pr-, sha-); choose another`;
    throw new AppError("invalid", message);
  }
  const { repository, service } = await findService({ store, repositories }, request.service);
  const asked = {
    repository: repository.name,
    trigger: "manual",
    sha: null,
    ref: request.ref ?? refOf(repository),
    service,
    version: request.version,
    pullRequest: null,
    deliveryGuid: null,
    noCache: request.noCache,
  } as const;
  return store.request(asked, idempotencyKey);
}

interface Named {
  readonly repository: Repository;
  readonly service: string;
}

/** Where a repository's own file names the services, the plan has to see whether the commit has the one asked for. */
async function findService({ store, repositories }: RequestParts, name: string): Promise<Named> {
  const listed = repositories.flatMap((repository) => (repository.services ?? []).map((one) => ({ repository, one })));
  const configured = listed.map(({ repository, one }): Named => ({ repository, service: one.name }));
  const unlisted = repositories.filter(({ services }) => services === null);
  const built = name.includes("/") || unlisted.length === 0 ? [] : await store.repositoriesWith(name);
  const found = [
    ...configured.filter((entry) => entry.service === name || qualified(entry) === name),
    ...unlisted.flatMap((repository) => {
      const service = serviceOf(repository, name, built);
      return service === null ? [] : [{ repository, service }];
    }),
  ];
  const [first] = found;
  if (first === undefined) {
    const known = [...(configured.length > 0 ? [configured.map(qualified).join(", ")] : []), ...unlisted.map(usual)];
    throw new AppError("not_found", `service "${name}" is not known; there are: ${known.join("; ") || "none"}`);
  }
  if (found.length > 1) {
    throw new AppError(
      "conflict",
      `service "${name}" is in several repositories; ask for one of: ${found.map(qualified).join(", ")}`,
    );
  }
  return first;
}

/** Which of its services the name may mean; null when none. `built`: the repositories that have made one of that name. */
function serviceOf(repository: Repository, name: string, built: readonly string[]): string | null {
  const prefix = `${repository.name}/`;
  if (name.startsWith(prefix)) {
    const rest = name.slice(prefix.length);
    return serviceName.safeParse(rest).success ? rest : null;
  }
  return name === usualName(repository.name) || built.includes(repository.name) ? name : null;
}

/** What can be asked for of a repository before its own file is read. */
function usual({ name }: Repository): string {
  return `${usualName(name)} (of ${name}), or one that its ${recipeFileName} names, as ${name}/<service>`;
}

function qualified({ repository, service }: Named): string {
  return `${repository.name}/${service}`;
}

function refOf({ name, branches }: Repository): string {
  const branch = defaultBranch(branches);
  if (branch !== null) return branch;
  throw new AppError("invalid", `${name} is configured with branch patterns only; say which "ref" to build`);
}
