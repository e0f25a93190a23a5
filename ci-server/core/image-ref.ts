// Names of images: the repository path for a service, and the grammar of tags and digests.
// Source: OCI distribution specification 1.1, "Pulling manifests".

import type { AttemptKey } from "./build.ts";
import { AppError } from "./errors.ts";

const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const digestPattern = /^sha256:[0-9a-f]{64}$/;
const pathPattern = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;

/** `acme/shop` for the service that bears the repository's name, `acme/shop/cart` for any other; lower case. */
export function imagePath(repository: string, service: string): string {
  const base = repository.toLowerCase();
  const path = base.split("/").at(-1) === service.toLowerCase() ? base : `${base}/${service.toLowerCase()}`;
  if (!pathPattern.test(path)) {
    throw new AppError("invalid", `"${path}" cannot be an image name: use lower-case letters, digits and single . _ -`);
  }
  return path;
}

/** The service that bears the repository's own name. */
export function usualName(repository: string): string {
  return repository.toLowerCase().split("/").at(-1) ?? repository;
}

export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

export function isDigest(text: string): boolean {
  return digestPattern.test(text);
}

/**
 * The tag under which an attempt's image travels to the registry: its own, so that an attempt that was taken over cannot
 * move a tag that anybody reads. The recipe's tags follow by manifest.
 */
export function attemptTag({ buildId, attempt }: AttemptKey): string {
  return attempt === 1 ? `build-${buildId}` : `build-${buildId}-${attempt}`;
}

/** The lock that whoever puts or removes tags of the image holds. */
export function tagsLock(image: string): string {
  return `tags of ${image}`;
}

/** `localhost:5000/acme/shop@sha256:…`: the name under which an image can be pulled and never changes. */
export function digestReference(host: string, image: string, digest: string): string {
  return `${host}/${image}@${digest}`;
}
