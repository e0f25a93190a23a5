// What the deliveries say: GitHub's real examples, told of what happened in the fake.

import { closedPullRequest, type Json } from "../../../lab/pull-request-delivery.ts";
import { exampleEvents, realExample, repositoryJson } from "./repositories.ts";
import type { CommentRecord, FakeHook, FakePull, FakeRepository, FakeState } from "./state.ts";

let known: readonly string[] | undefined;

type PullAction = "opened" | "synchronize" | "closed";

/** A `pull_request` event. `before`: of a synchronize, where its head was. */
export function pullRequestPayload(
  state: FakeState,
  repository: FakeRepository,
  pull: FakePull,
  action: PullAction,
  before?: string,
): Json {
  const merge = pull.mergedSha === null ? {} : { merge: { mergeCommitSha: pull.mergedSha } };
  const cloneUrl = `${state.url}/${repository.name}.git`;
  const closed = closedPullRequest({ repository: repository.git, cloneUrl, pullRequest: pull.git, ...merge });
  const moved = before === undefined ? {} : { before, after: pull.git.headSha };
  const open = { state: "open", closed_at: null };
  const fields = { ...closed.pull_request, ...(pull.isOpen ? open : {}) };
  return { ...closed, action, ...moved, pull_request: fields, repository: repositoryJson(repository, state.url) };
}

/** An `issue_comment` event of a pull request, which is an issue with one more field. */
export function commentPayload(
  state: FakeState,
  repository: FakeRepository,
  comment: CommentRecord,
  action: "created" | "edited",
): Json {
  // As GitHub sent it.
  const example = realExample("issue_comment", action) as Json & { issue: Json; comment: Json; sender: Json };
  const { id, login, body, pullRequest: number } = comment;
  const pull = repository.pulls.get(number);
  const url = `https://github.com/${repository.name}/pull/${number}`;
  const mergedAt = pull === undefined || pull.mergedSha === null ? null : comment.createdAt.toISOString();
  const links = { html_url: url, merged_at: mergedAt, diff_url: `${url}.diff`, patch_url: `${url}.patch` };
  const apiUrl = `${state.url}/api/v3/repos/${repository.name}`;
  const sender = userJson(example.sender, login);
  const has = repository.people.get(login) ?? "none";
  return {
    ...example,
    repository: repositoryJson(repository, state.url),
    issue: {
      ...example.issue,
      ...{ number, title: pull?.git.title, html_url: url, state: pull?.isOpen === true ? "open" : "closed" },
      pull_request: { url: `${apiUrl}/pulls/${number}`, ...links },
    },
    comment: {
      ...example.comment,
      ...{ id, body, user: sender, html_url: `${url}#issuecomment-${id}`, url: `${apiUrl}/issues/comments/${id}` },
      ...{ created_at: comment.createdAt.toISOString(), updated_at: comment.updatedAt.toISOString() },
      author_association: has === "admin" ? "OWNER" : has === "write" ? "COLLABORATOR" : "NONE",
    },
    sender,
  };
}

/** A `ping` event. */
export function pingPayload(state: FakeState, repository: FakeRepository, hook: FakeHook, shown: object): Json {
  const zen = "Keep it logically awesome.";
  const example = realExample("ping");
  return { ...example, zen, hook_id: hook.id, hook: shown, repository: repositoryJson(repository, state.url) };
}

/** What a hook may ask for. */
export function knownEvents(): readonly string[] {
  known ??= exampleEvents();
  return known;
}

/** A user as GitHub shows one; Apps end in `[bot]`. */
export function userJson(example: Json, login: string): Json {
  return { ...example, login, type: login.endsWith("[bot]") ? "Bot" : "User" };
}
