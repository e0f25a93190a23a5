// A build for tests that look at a part of it.

import type { Build } from "../../ci-server/core/build.ts";

/** A merge into main that has just begun, unless it is changed. */
export function exampleBuild(change: Partial<Build> = {}): Build {
  return {
    ...{ id: 1, repository: "acme/shop", trigger: "pull_request", sha: "a".repeat(40), ref: "main" },
    ...{ service: null, version: null, deliveryGuid: "guid-1" },
    pullRequest: { number: 7, title: "t", url: "u", author: "ada", mergedBy: "bob" },
    ...{
      createdAt: new Date(0),
      startedAt: null,
      finishedAt: null,
      attempts: 1,
      cancelReason: null,
      noCache: false,
      logRemovedAt: null,
    },
    ...{ merge: null, skipReason: null, plan: null, result: null, failure: null, stages: [], images: [] },
    ...change,
  };
}
