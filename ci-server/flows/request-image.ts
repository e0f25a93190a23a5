// Queues an image asked for by hand: a service at a version, from a ref or from the repository's first branch.

import { defaultBranch } from "../core/branch-pattern.ts";
import { AppError } from "../core/errors.ts";
import { isTag } from "../core/image-ref.ts";
import type { Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { ImageType, Service } from "../core/service.ts";

export interface ImageRequest {
  /** `shop`, or `acme/shop/cart` where the short name is not unique. */
  readonly service: string;
  /** Becomes a tag. */
  readonly version: string;
  readonly type: ImageType;
  readonly ref: string | null;
}

export interface RequestParts {
  readonly store: Store;
  readonly repositories: readonly Repository[];
}

/** Returns the build's id. Throws `not_found`, `conflict` (the name is not unique, the key has another request), `invalid`, `not_implemented`. */
export function requestImage(
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
  const { repository, service } = findService(repositories, request.service);
  const asked = {
    repository: repository.name,
    trigger: "manual",
    sha: null,
    ref: request.ref ?? defaultRef(repository),
    service: service.name,
    version: request.version,
    pullRequest: null,
    deliveryGuid: null,
  } as const;
  return store.request(asked, idempotencyKey);
}

function findService(repositories: readonly Repository[], name: string): { repository: Repository; service: Service } {
  const all = repositories.flatMap((repository) => repository.services.map((service) => ({ repository, service })));
  const found = all.filter((entry) => entry.service.name === name || qualified(entry) === name);
  const [first] = found;
  if (first === undefined) {
    throw new AppError(
      "not_found",
      `service "${name}" is not configured; there are: ${all.map(qualified).join(", ") || "none"}`,
    );
  }
  if (found.length > 1) {
    throw new AppError(
      "conflict",
      `service "${name}" is in several repositories; ask for one of: ${found.map(qualified).join(", ")}`,
    );
  }
  return first;
}

function qualified({ repository, service }: { repository: Repository; service: Service }): string {
  return `${repository.name}/${service.name}`;
}

function defaultRef({ name, branches }: Repository): string {
  const branch = defaultBranch(branches);
  if (branch !== null) return branch;
  throw new AppError("invalid", `${name} is configured with branch patterns only; say which "ref" to build`);
}
