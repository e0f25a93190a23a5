// Comments of pull requests, and who may do what. Source: GitHub's REST API, "Issue comments" and "Collaborators".

import { type Answer, notFound, type Question, type Route, unprocessable } from "./routes.ts";
import type { CommentRecord } from "./state.ts";

const bodyMax = 65_536;
const write = { permission: "pull_requests", level: "write" } as const;
const read = { permission: "pull_requests", level: "read" } as const;

export const commentRoutes: readonly Route[] = [
  { method: "GET", path: "/issues/:number/comments", needs: read, answer: list },
  { method: "POST", path: "/issues/:number/comments", needs: write, answer: add },
  { method: "PATCH", path: "/issues/comments/:id", needs: write, answer: change },
  {
    ...{ method: "GET", path: "/collaborators/:login/permission", needs: { permission: "metadata", level: "read" } },
    answer: ({ repository, path: { login = "" } }) => ({
      status: 200,
      body: { permission: repository.people.get(login) ?? "none", user: { login } },
    }),
  },
];

function list({ repository, path, query }: Question): Answer {
  const all = [...repository.comments.values()].filter(({ pullRequest }) => pullRequest === Number(path.number));
  const size = Number(query.get("per_page") ?? 30);
  const page = Number(query.get("page") ?? 1);
  return { status: 200, body: all.slice((page - 1) * size, page * size).map(toJson) };
}

function add({ state, token, repository, path, body }: Question): Answer {
  const number = Number(path.number);
  if (!repository.pulls.has(number)) return notFound;
  const text = String(body.body ?? "");
  if (text === "" || text.length > bodyMax) return unprocessable("body is blank or too long");
  const comment = { id: state.nextId(), pullRequest: number, login: token.login, body: text, edits: 0 };
  repository.comments.set(comment.id, comment);
  return { status: 201, body: toJson(comment) };
}

function change({ token, repository, path, body }: Question): Answer {
  const comment = repository.comments.get(Number(path.id));
  if (comment === undefined) return notFound;
  if (comment.login !== token.login) return { status: 403, body: { message: "Must have admin rights to Repository." } };
  comment.body = String(body.body);
  comment.edits += 1;
  return { status: 200, body: toJson(comment) };
}

function toJson({ id, login, body }: CommentRecord): object {
  return { id, body, user: { login }, created_at: new Date().toISOString() };
}
