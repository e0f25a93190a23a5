// Statuses, comments, and who may do what. Source: routers/api/v1/repo: status.go, issue_comment.go, collaborators.go.

import { type Answer, notFound, type Question, type Route, refused } from "./routes.ts";
import type { CommentRecord, Permission } from "./state.ts";

const states = ["pending", "success", "error", "failure", "warning"];

export const resourceRoutes: readonly Route[] = [
  { method: "POST", path: "/statuses/:sha", needs: { scope: "repository", permission: "write" }, answer: addStatus },
  { method: "GET", path: "/issues/:number/comments", needs: { scope: "issue", permission: "read" }, answer: list },
  { method: "POST", path: "/issues/:number/comments", needs: { scope: "issue", permission: "read" }, answer: add },
  { method: "PATCH", path: "/issues/comments/:id", needs: { scope: "issue", permission: "read" }, answer: change },
  {
    ...{ method: "GET", path: "/collaborators/:login/permission" },
    ...{ needs: { scope: "repository", permission: "admin" }, answer: permissionOf },
  },
];

async function addStatus({ repository, path: { sha = "" }, body }: Question): Promise<Answer> {
  const { state, context = "default", description = "", target_url = "" } = body as Record<string, string>;
  if (!states.includes(String(state))) return refused(422, "[State]: Invalid state");
  // CreateCommitStatus: what git does not find is a trouble of its own.
  if (!(await repository.git.resolve(sha).catch(() => null))) return refused(500, "");
  repository.statuses.push({ sha, context, state: String(state), description, target_url });
  return { status: 201, body: { id: repository.statuses.length, status: state, context, description, target_url } };
}

/** All of them at once. */
function list({ repository, path }: Question): Answer {
  const found = [...repository.comments.values()].filter(({ pullRequest }) => pullRequest === Number(path.number));
  return { status: 200, body: found.map(toJson) };
}

function add({ state, token, repository, path, body }: Question): Answer {
  const pullRequest = Number(path.number);
  if (!repository.pulls.has(pullRequest)) return notFound;
  if (typeof body.body !== "string" || body.body === "") return refused(422, "[Body]: Required");
  const comment = { id: state.nextId(), pullRequest, login: token.login, body: body.body };
  repository.comments.set(comment.id, comment);
  return { status: 201, body: toJson(comment) };
}

function change({ token, repository, path, body }: Question): Answer {
  const comment = repository.comments.get(Number(path.id));
  if (comment === undefined) return notFound;
  const mayWrite = ["owner", "admin", "write"].includes(repository.people.get(token.login) ?? "none");
  if (comment.login !== token.login && !mayWrite) return refused(403, "");
  comment.body = String(body.body);
  return { status: 200, body: toJson(comment) };
}

function toJson({ id, login, body }: CommentRecord): object {
  return { id, html_url: "", body, user: { id: 1, login, username: login }, created_at: new Date().toISOString() };
}

function permissionOf({ repository, path: { login = "" } }: Question): Answer {
  const permission: Permission | undefined = repository.people.get(login);
  if (permission === undefined) return refused(404, `user does not exist [uid: 0, name: ${login}]`);
  return { status: 200, body: { permission, role_name: permission, user: { login } } };
}
