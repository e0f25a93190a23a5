// A pull request that was merged, for tests that look at a part of it.

import type { PullRequest } from "../../ci-server/core/delivery.ts";

export function examplePullRequest(change: Partial<PullRequest> = {}): PullRequest {
  return {
    number: 7,
    title: "Add a cart",
    body: "",
    url: "https://forge.test/acme/shop/pull/7",
    draft: false,
    labels: [],
    merged: true,
    mergeCommitSha: "a".repeat(40),
    baseRef: "main",
    headRef: "refs/pull/7/head",
    headSha: "c".repeat(40),
    commits: 1,
    author: "ada",
    mergedBy: "bob",
    ...change,
  };
}
