// Comments of pull requests, and who may do what. Source: GitHub's REST API, "Issue comments" and "Collaborators".

import type { components } from "@octokit/openapi-types";
import { commentPayload } from "./payloads.ts";
import { type Answer, notFound, pageOf, type Question, type Route, unprocessable } from "./routes.ts";
import { sendEvent, track } from "./send.ts";
import type { CommentRecord, FakeRepository, FakeState } from "./state.ts";
import { simpleUser } from "./users.ts";

const bodyMax = 65_536;
const write = { permission: "pull_requests", level: "write" } as const;
const read = { permission: "pull_requests", level: "read" } as const;

export const commentRoutes: readonly Route[] = [
  { method: "GET", path: "/issues/:number/comments", needs: read, answer: list },
  { method: "POST", path: "/issues/:number/comments", needs: write, answer: add },
  { method: "PATCH", path: "/issues/comments/:id", needs: write, answer: change },
  {
    ...{ method: "GET", path: "/collaborators/:login/permission", needs: { permission: "metadata", level: "read" } },
    answer: ({ state, repository, path: { login = "" } }) => {
      const permission = repository.people.get(login) ?? "none";
      return { status: 200, body: { permission, role_name: permission, user: simpleUser(state, login) } };
    },
  },
];

/** What a person or an App has written; resolves when the repository's hooks have been told. */
export async function addComment(
  state: FakeState,
  repository: FakeRepository,
  { pullRequest, login, body }: Pick<CommentRecord, "pullRequest" | "login" | "body">,
): Promise<CommentRecord> {
  const comment = makeComment(state, repository, { pullRequest, login, body });
  await sendEvent(state, repository, "issue_comment", commentPayload(state, repository, comment, "created"));
  return comment;
}

function makeComment(
  state: FakeState,
  repository: FakeRepository,
  written: Pick<CommentRecord, "pullRequest" | "login" | "body">,
): CommentRecord {
  const now = state.clock.now();
  const comment = { id: state.nextId(), ...written, createdAt: now, updatedAt: now, edits: 0 };
  repository.comments.set(comment.id, comment);
  return comment;
}

function list(question: Question): Answer {
  const { state, repository, path } = question;
  const all = [...repository.comments.values()].filter(({ pullRequest }) => pullRequest === Number(path.number));
  const shown = all.map((one) => toJson(state, repository, one));
  return pageOf(question, `/issues/${path.number}/comments`, shown);
}

function add({ state, token, repository, path, body }: Question): Answer {
  const number = Number(path.number);
  if (!repository.pulls.has(number)) return notFound;
  const text = String(body.body ?? "");
  if (text === "" || text.length > bodyMax) return unprocessable("body is blank or too long");
  const comment = makeComment(state, repository, { pullRequest: number, login: token.login, body: text });
  tell(state, repository, comment, "created");
  return { status: 201, body: toJson(state, repository, comment) };
}

function change({ state, token, repository, path, body }: Question): Answer {
  const comment = repository.comments.get(Number(path.id));
  if (comment === undefined) return notFound;
  if (comment.login !== token.login) return { status: 403, body: { message: "Must have admin rights to Repository." } };
  const text = String(body.body ?? "");
  if (text === "" || text.length > bodyMax) return unprocessable("body is blank or too long");
  comment.body = text;
  comment.updatedAt = state.clock.now();
  comment.edits += 1;
  tell(state, repository, comment, "edited");
  return { status: 200, body: toJson(state, repository, comment) };
}

function tell(
  state: FakeState,
  repository: FakeRepository,
  comment: CommentRecord,
  action: "created" | "edited",
): void {
  track(state, sendEvent(state, repository, "issue_comment", commentPayload(state, repository, comment, action)));
}

function toJson(state: FakeState, { name }: FakeRepository, comment: CommentRecord): object {
  const { id, login, body, pullRequest, createdAt, updatedAt } = comment;
  const api = `${state.url}/api/v3/repos/${name}/issues`;
  const app = /^app-(\w+)\[bot\]$/.exec(login)?.[1];
  const shown: components["schemas"]["issue-comment"] = {
    ...{ id, node_id: `IC_${id}`, body, user: simpleUser(state, login) },
    ...{ url: `${api}/comments/${id}`, issue_url: `${api}/${pullRequest}` },
    html_url: `${state.url}/${name}/pull/${pullRequest}#issuecomment-${id}`,
    ...{ created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() },
  };
  return { ...shown, performed_via_github_app: app === undefined ? null : { id: Number(app), slug: `app-${app}` } };
}
