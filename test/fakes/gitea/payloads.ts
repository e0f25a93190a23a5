// What a fake Gitea says of a merge and of the test of a hook: the fixtures, told of a sample pull request.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { PullRequest } from "../../../lab/sample-pull-request.ts";
import type { FakeRepository } from "./state.ts";

type Json = Readonly<Record<string, unknown>>;

const folder = path.join(import.meta.dirname, "../../fixtures/gitea");

/** The payload of test/fixtures/gitea, as it stands there. */
export function giteaFixture(name: "pull-request-closed" | "push-test"): Json {
  return JSON.parse(readFileSync(path.join(folder, `${name}.json`), "utf8"));
}

export interface Closed {
  readonly repository: FakeRepository;
  readonly pull: Omit<PullRequest, "merge">;
  /** Null: closed without merging. */
  readonly mergedSha: string | null;
  readonly mergeBase: string;
}

export function closedPayload({ repository, pull, mergedSha, mergeBase }: Closed): Json {
  const fixture = giteaFixture("pull-request-closed");
  const shown = fixture.pull_request as Json; // the fixture's own
  const { number, title, base, branch, headSha } = pull;
  const merged = mergedSha === null ? { merged: false, merged_at: null, merged_by: null } : {};
  return {
    ...fixture,
    number,
    repository: describe(fixture.repository, repository),
    pull_request: {
      ...{ ...shown, ...merged, number, title, labels: [], merge_commit_sha: mergedSha, merge_base: mergeBase },
      base: { ...(shown.base as Json), label: base, ref: base, repo: describe(fixture.repository, repository) },
      head: { ...(shown.head as Json), label: branch, ref: branch, sha: headSha },
    },
  };
}

export function testPushPayload(repository: FakeRepository, sha: string): Json {
  const fixture = giteaFixture("push-test");
  const described = describe(fixture.repository, repository);
  return { ...fixture, before: sha, after: sha, repository: described };
}

function describe(shown: unknown, { id, name }: FakeRepository): Json {
  return { ...(shown as Json), id, full_name: name, name: name.split("/").at(-1) };
}
