// Where an image comes from, as SLSA writes it. Source: slsa.dev/spec/v1.1/provenance; docs/attestations.md has our build type.

import { provenanceType, type Statement, statementAbout } from "./attestation.ts";
import { defaultBranch } from "./branch-pattern.ts";
import type { BaseImage, Build } from "./build.ts";
import type { MergeMethod } from "./merge-range.ts";
import { purl } from "./purl.ts";
import type { Recipe, Repository } from "./recipe.ts";

/** A name and no address: what its parameters mean stands in docs/attestations.md. */
export const buildType = "https://mergedock.dev/build-types/merge/v1";

export interface ProvenanceFacts {
  readonly build: Build;
  readonly attempt: number;
  readonly repository: Pick<Repository, "name" | "url" | "branches">;
  readonly commit: { readonly sha: string; readonly mergeMethod: MergeMethod | null };
  readonly recipe: Recipe;
  readonly bases: readonly BaseImage[];
  /** The build that made it, where this one found it made. */
  readonly reusedFrom: number | null;
  readonly image: { readonly name: string; readonly digest: string };
  /** `version`: this program's. */
  readonly builder: { readonly id: string; readonly version: string };
  readonly finishedAt: Date;
}

/** The statement; the same facts give the same one. */
export function provenanceStatement(facts: ProvenanceFacts): Statement {
  const { build, builder, finishedAt } = facts;
  return statementAbout(facts.image, provenanceType, {
    buildDefinition: {
      buildType,
      externalParameters: externalParameters(facts),
      internalParameters: internalParameters(facts),
      resolvedDependencies: [source(facts), ...facts.bases.map(toDependency)],
    },
    runDetails: {
      builder: { id: builder.id, version: { mergedock: builder.version } },
      metadata: {
        invocationId: invocationId({ buildId: build.id, attempt: facts.attempt }),
        startedOn: timestamp(build.startedAt ?? build.createdAt),
        finishedOn: timestamp(finishedAt),
      },
    },
  });
}

export function invocationId({ buildId, attempt }: { readonly buildId: number; readonly attempt: number }): string {
  return `builds/${buildId}/attempts/${attempt}`;
}

/** Whether the statement says that an attempt of this build made its subject. */
export function isProvenanceOf({ predicateType, predicate }: Statement, buildId: number): boolean {
  // Read with care: another version may have written it.
  const { runDetails } = (predicate ?? {}) as { runDetails?: { metadata?: { invocationId?: unknown } } };
  const id = runDetails?.metadata?.invocationId;
  return predicateType === provenanceType && typeof id === "string" && id.startsWith(`builds/${buildId}/`);
}

/** What whoever merges or asks can choose. */
function externalParameters({ build, repository, recipe }: ProvenanceFacts): object {
  const { service, ...rest } = recipe;
  return {
    repository: repository.url,
    ref: refOf(build, repository),
    service,
    ...(build.version !== null && { version: build.version }),
    recipe: rest,
  };
}

/** What this program knows from the signed delivery and from git. */
function internalParameters({ build, repository, commit, reusedFrom }: ProvenanceFacts): object {
  const { pullRequest } = build;
  return {
    project: repository.name,
    trigger: build.trigger,
    ...(build.deliveryGuid !== null && { delivery: build.deliveryGuid }),
    ...(pullRequest !== null && {
      pullRequest: {
        number: pullRequest.number,
        url: pullRequest.url,
        author: pullRequest.author,
        mergedBy: pullRequest.mergedBy,
        mergeMethod: commit.mergeMethod,
      },
    }),
    ...(reusedFrom !== null && { reusedFrom }),
  };
}

function refOf(build: Build, repository: ProvenanceFacts["repository"]): string {
  const ref = build.ref ?? defaultBranch(repository.branches) ?? "";
  // Of a merge it is the base branch; what was asked for by hand may be a tag or a commit as well.
  return (build.trigger === "pull_request" || build.trigger === "reconcile") && !ref.startsWith("refs/")
    ? `refs/heads/${ref}`
    : ref;
}

/** The URI is made of the parameters `repository` and `ref`. */
function source({ build, repository, commit }: ProvenanceFacts): object {
  return {
    uri: `git+${repository.url}@${refOf(build, repository)}`,
    digest: { gitCommit: commit.sha },
  };
}

/** `registry.example.com/team/base:1`; without a host it is Docker Hub's. An image that only the engine has is known by its id. */
function toDependency({ reference, digest }: BaseImage): object {
  const [algorithm = "", hex = ""] = digest.split(":");
  return { uri: imagePurl(reference), digest: { [algorithm]: hex }, annotations: { reference } };
}

function imagePurl(reference: string): string {
  const withoutDigest = reference.split("@")[0] ?? reference;
  const slash = withoutDigest.lastIndexOf("/");
  const colon = withoutDigest.indexOf(":", slash + 1);
  const path = (colon < 0 ? withoutDigest : withoutDigest.slice(0, colon)).split("/");
  const first = path[0] ?? "";
  const host = path.length > 1 && (/[.:]/.test(first) || first === "localhost") ? first : null;
  const names = host === null ? path : path.slice(1);
  return purl({
    type: "docker",
    namespace: names.slice(0, -1).join("/") || null,
    name: names.at(-1) ?? "",
    version: colon < 0 ? null : withoutDigest.slice(colon + 1),
    qualifiers: { repository_url: host },
  });
}

/** Source: in-toto attestation framework v1, field types: RFC 3339 in UTC, ending in Z. */
function timestamp(date: Date): string {
  return date.toISOString();
}
