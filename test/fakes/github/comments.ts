// Comments of pull requests, and who may do what. Source: GitHub's REST API, "Issue comments" and "Collaborators".

import type { components } from "@octokit/openapi-types";
import { commentPayload } from "./payloads.ts";
import { type Answer, notFound, type Question, type Route, unprocessable } from "./routes.ts";
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

function list({ state, repository, path, query }: Question): Answer {
  const all = [...repository.comments.values()].filter(({ pullRequest }) => pullRequest === Number(path.number));
  const size = Number(query.get("per_page") ?? 30);
  const page = Number(query.get("page") ?? 1);
  return { status: 200, body: all.slice((page - 1) * size, page * size).map((one) => toJson(state, repository, one)) };
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

function toJson(state: FakeState, { name }: FakeRepository, comment: CommentRecord): Shown {
  const { id, login, body, pullRequest, createdAt, updatedAt } = comment;
  const api = `${state.url}/api/v3/repos/${name}/issues`;
  return {
    ...{ id, node_id: `IC_${id}`, body, user: simpleUser(state, login) },
    ...{ url: `${api}/comments/${id}`, issue_url: `${api}/${pullRequest}` },
    html_url: `${state.url}/${name}/pull/${pullRequest}#issuecomment-${id}`,
    ...{ created_at: createdAt.toISOString(), updated_at: updatedAt.toISOString() },
  };
}

type Shown = components["schemas"]["issue-comment"];
