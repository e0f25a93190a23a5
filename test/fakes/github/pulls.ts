// Pull requests: opened, pushed to, merged and closed by a test, each told to the repository's hooks; and read by the API.
// Source: GitHub's REST API, "Pulls"; "Webhook events and payloads".

import { git } from "../../../lab/git.ts";
import { pushOf } from "../../../lab/push-delivery.ts";
import type { Commit } from "../../../lab/sample-commit.ts";
import type { MergeMethod, PullRequestOptions } from "../../../lab/sample-pull-request.ts";
import { pullRequestPayload } from "./payloads.ts";
import { withLag } from "./replica.ts";
import { notFound, type Route } from "./routes.ts";
import { sendEvent } from "./send.ts";
import type { FakePull, FakeRepository, FakeState } from "./state.ts";

export interface PullHandle extends FakePull {
  /** Merges in git and delivers; returns the merge's sha when every hook was answered, or was not. */
  merge(method?: MergeMethod): Promise<string>;
  /** One more commit: `synchronize`. */
  push(commit: Commit): Promise<string>;
  /** Without merging. */
  close(): Promise<void>;
}

/** Where the pull request is. */
export interface Place {
  readonly state: FakeState;
  readonly root: string;
  readonly repository: FakeRepository;
}

export const pullRoutes: readonly Route[] = [
  {
    ...{ method: "GET", path: "/pulls/:number", needs: { permission: "pull_requests", level: "read" } },
    answer: ({ repository, path: { number } }) => {
      const pull = repository.pulls.get(Number(number));
      return pull === undefined ? notFound : { status: 200, body: pull.payload().pull_request };
    },
  },
];

export async function openPullRequest(place: Place, options: PullRequestOptions): Promise<PullHandle> {
  const { repository, state } = place;
  const opened = await repository.git.openPullRequest(options);
  const pull: PullHandle = {
    ...{ number: opened.number, git: opened, mergedSha: null, isOpen: true },
    payload: () => pullRequestPayload(state, repository, pull, "closed"),
    merge: (method = "merge") => merge(place, pull, method),
    push: (commit) => push(place, pull, commit),
    close: async () => {
      pull.isOpen = false;
      await sendEvent(state, repository, "pull_request", pull.payload());
    },
  };
  repository.pulls.set(pull.number, pull);
  await sendEvent(state, repository, "pull_request", pullRequestPayload(state, repository, pull, "opened"));
  return pull;
}

async function merge({ state, root, repository }: Place, pull: PullHandle, method: MergeMethod): Promise<string> {
  const { base: branch } = pull.git;
  const before = await git(["rev-parse", `refs/heads/${branch}`], { cwd: repository.git.folder });
  const merged = await withLag(state, root, repository, () => pull.git.merge(method));
  pull.mergedSha = merged.mergeCommitSha;
  pull.isOpen = false;
  const cloneUrl = `${state.url}/${repository.name}.git`;
  const pushed = pushOf({ repository: repository.git, cloneUrl, branch, before, merge: merged });
  // In no order that anybody can rely on.
  await Promise.all([
    sendEvent(state, repository, "push", pushed),
    sendEvent(state, repository, "pull_request", pull.payload()),
  ]);
  return merged.mergeCommitSha;
}

async function push({ state, repository }: Place, pull: PullHandle, commit: Commit): Promise<string> {
  const { headSha: before } = pull.git;
  pull.git = await pull.git.push(commit);
  const payload = pullRequestPayload(state, repository, pull, "synchronize", before);
  await sendEvent(state, repository, "pull_request", payload);
  return pull.git.headSha;
}
