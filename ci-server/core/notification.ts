// Who is told of which builds, and what of them: decided once, when a build has ended.

import type { Build, BuildPullRequest, Failure, Result, Trigger } from "./build.ts";
import { results } from "./build.ts";
import { matchesPattern } from "./path-pattern.ts";

/** A result, or what it is after the one before it: `broken` comes after a success, `fixed` is one after none. */
export const occasions = [...results, "fixed", "broken"] as const;
export type Occasion = (typeof occasions)[number];

export const channelTypes = ["webhook", "slack", "email"] as const;
export type ChannelType = (typeof channelTypes)[number];

export interface NotificationRule {
  readonly channel: string;
  readonly type: ChannelType;
  readonly on: readonly Occasion[];
  /** Patterns of names, where `*` stands for anything between two slashes; none: all repositories. */
  readonly repositories: readonly string[];
}

/** An image as somebody is told of it. */
export interface NoticeImage {
  readonly service: string;
  readonly reference: string;
  readonly path: string;
  readonly digest: string;
  readonly tags: readonly string[];
  readonly bytes: number;
  readonly reusedFrom: number | null;
}

/** What somebody is told: fit for JSON, and without secrets, as everything that is stored of a build. */
export interface Notice {
  /** The build's end, or one of its images being in the registry. */
  readonly about: "build" | "image";
  readonly occasion: Occasion;
  readonly build: {
    readonly id: number;
    readonly repository: string;
    readonly trigger: Trigger;
    readonly ref: string | null;
    readonly sha: string | null;
    readonly service: string | null;
    readonly version: string | null;
    readonly pullRequest: Pick<BuildPullRequest, "number" | "title" | "url" | "author" | "mergedBy"> | null;
    readonly result: Result;
    readonly reason: string | null;
    readonly failure:
      | (Pick<Failure, "kind" | "message" | "service" | "hint"> & { readonly step: string | null })
      | null;
    readonly createdAt: string;
    readonly finishedAt: string;
    readonly ms: number;
  };
  /** All of the build's, or the one that it is about. */
  readonly images: readonly NoticeImage[];
}

export interface NewNotification {
  readonly channel: string;
  readonly notice: Notice;
}

/**
 * What is to be sent of a build that has ended. `before`: the result of the build before it of the same repository and ref that
 * had one of its own making; null when there is none. A webhook is told of each image beside the build, since CDEvents has an
 * event for each.
 */
export function notificationsOf(
  rules: readonly NotificationRule[],
  build: Build,
  before: Result | null,
): readonly NewNotification[] {
  if (build.result === null) return [];
  const change = changeOf(build.result, before);
  const notice = toNotice(build, build.result, change ?? build.result);
  return rules.flatMap(({ channel, type, on, repositories }) => {
    if (!on.some((one) => one === build.result || one === change)) return [];
    if (!isNamed(repositories, build.repository)) return [];
    const images =
      type !== "webhook" ? [] : notice.images.map((image) => ({ ...notice, about: "image" as const, images: [image] }));
    return [notice, ...images].map((told) => ({ channel, notice: told }));
  });
}

/** Builds that end so say nothing of whether a repository can be built. */
export const neutralResults: readonly Result[] = ["cancellation", "skip"];

function changeOf(result: Result, before: Result | null): "fixed" | "broken" | null {
  if (before === null || neutralResults.includes(result)) return null;
  if ((result === "success") === (before === "success")) return null;
  return result === "success" ? "fixed" : "broken";
}

function isNamed(patterns: readonly string[], repository: string): boolean {
  const name = repository.toLowerCase();
  return patterns.length === 0 || patterns.some((pattern) => matchesPattern(pattern.toLowerCase(), name));
}

function toNotice(build: Build, result: Result, occasion: Occasion): Notice {
  const { id, repository, trigger, ref, sha, service, version, skipReason, failure, createdAt } = build;
  const finishedAt = build.finishedAt ?? createdAt;
  return {
    ...{ about: "build", occasion },
    build: {
      ...{ id, repository, trigger, ref, sha, service, version, result, reason: skipReason },
      pullRequest: toPullRequest(build.pullRequest),
      failure: failure === null ? null : toFailure(failure),
      createdAt: createdAt.toISOString(),
      finishedAt: finishedAt.toISOString(),
      ms: finishedAt.getTime() - (build.startedAt ?? finishedAt).getTime(),
    },
    images: build.images.map(({ service: of, reference, path, digest, tags, bytes, reusedFrom }) => {
      return { service: of, reference, path, digest, tags, bytes, reusedFrom };
    }),
  };
}

function toPullRequest(given: BuildPullRequest | null): Notice["build"]["pullRequest"] {
  if (given === null) return null;
  const { number, title, url, author, mergedBy } = given;
  return { number, title, url, author, mergedBy };
}

function toFailure({ kind, message, service, hint, step }: Failure): Notice["build"]["failure"] {
  return { kind, message, service, hint, step: step?.name ?? null };
}
