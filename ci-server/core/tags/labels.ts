// The labels of an image: the OCI ones as docker/metadata-action gives them, our own, and over both those of the service.
// Source: OCI image specification 1.1, "Pre-Defined Annotation Keys".

import type { Build } from "../build.ts";
import type { Repository } from "../recipe.ts";
import type { RepositoryAbout } from "../repository-about.ts";
import type { Service } from "../service.ts";
import { globalNames, readTemplate, render, type TemplateValues } from "./template.ts";

export const revisionKey = "org.opencontainers.image.revision";
export const repositoryKey = "dev.mergedock.repository";

export interface LabelParts {
  readonly build: Build;
  readonly repository: Repository;
  /** Null where no forge has said anything of it. */
  readonly about: RepositoryAbout | null;
  readonly service: Service;
  readonly commit: { readonly sha: string; readonly committedAt: Date };
  readonly version: string;
  readonly values: TemplateValues;
}

const ownPrefix = "dev.mergedock.";

/**
 * Sorted by name. The dates are the commit's, so that the same commit gives the same image. What the forge does not say of the
 * repository is empty, as docker/metadata-action has it (src/meta.ts).
 */
export function labelsOf({ build, repository, about, service, commit, ...rest }: LabelParts): Record<string, string> {
  const { version, values } = rest;
  const page = pageOf(repository.url);
  const labels: Record<string, string> = {
    "org.opencontainers.image.title": service.name,
    "org.opencontainers.image.description": about?.description ?? "",
    "org.opencontainers.image.licenses": about?.license ?? "",
    "org.opencontainers.image.source": page ?? repository.url,
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.created": commit.committedAt.toISOString(),
  };
  if (page !== null) labels["org.opencontainers.image.url"] = page;
  for (const [name, text] of Object.entries(service.labels))
    labels[name] = render(readTemplate(text, globalNames), values);
  // What we go by ourselves is not for a repository to say.
  for (const name of Object.keys(labels)) if (name.startsWith(ownPrefix)) delete labels[name];
  Object.assign(labels, { [revisionKey]: commit.sha, [repositoryKey]: repository.name });
  if (build.pullRequest !== null) labels["dev.mergedock.pull-request"] = String(build.pullRequest.number);
  if (build.pullRequest?.mergedBy) labels["dev.mergedock.merged-by"] = build.pullRequest.mergedBy;
  if (build.deliveryGuid !== null) labels["dev.mergedock.delivery"] = build.deliveryGuid;
  return Object.fromEntries(Object.entries(labels).toSorted(byName));
}

function byName([one]: readonly [string, string], [other]: readonly [string, string]): number {
  return one < other ? -1 : 1;
}

/** Where a person looks at the repository: the URL of a clone over HTTP without what only git needs. */
function pageOf(url: string): string | null {
  return /^https?:/.test(url) ? url.replace(/\/+$/, "").replace(/\.git$/, "") : null;
}
