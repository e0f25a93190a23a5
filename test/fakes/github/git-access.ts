// Git over HTTP: who may read a repository, what fails on purpose, and what a replica does not have yet.
// Source: GitHub documentation, "Authenticating as a GitHub App installation" (HTTP-based Git access).

import type { IncomingMessage, ServerResponse } from "node:http";
import type { FaultOf } from "./faults.ts";
import { reaches, tokenOf } from "./permissions.ts";
import { behind } from "./replica.ts";
import type { FakeRepository, FakeState } from "./state.ts";

/** Answers where git itself has nothing to say; false: git answers. */
export function answerGit(
  state: FakeState,
  fault: FaultOf,
  request: IncomingMessage,
  response: ServerResponse,
): boolean {
  const [, name = "", rest = ""] = /^\/([^/]+\/[^/]+?)(?:\.git)?(\/.*)$/.exec(request.url ?? "") ?? [];
  const failure = fault("git");
  const repository = state.repositories.get(name.toLowerCase());
  const refused = failure?.status ?? refusal(state, repository, passwordOf(request));
  if (refused !== null) return refuse(response, refused);
  const replica = repository === undefined ? null : behind(repository);
  // git gives the content out; from which folder is decided here.
  if (repository !== undefined) request.url = `${replica?.path ?? `/${repository.name}.git`}${rest}`;
  return false;
}

/** As GitHub: what is not there, and what is hidden, asks for a password first. */
function refusal(state: FakeState, repository: FakeRepository | undefined, password: string | null): number | null {
  if (password === null) return repository === undefined || repository.isPrivate ? 401 : null;
  const token = tokenOf(state, password);
  if (token === null) return 401;
  if (repository === undefined || !reaches(token, repository, { permission: "contents", level: "read" })) return 404;
  return null;
}

function refuse(response: ServerResponse, status: number): true {
  const headers = status === 401 ? { "www-authenticate": 'Basic realm="GitHub"' } : {};
  response.writeHead(status, headers).end(status === 404 ? "Repository not found." : "");
  return true;
}

/** RFC 7617: `x-access-token:<token>`, or any user name with it. */
function passwordOf({ headers: { authorization } }: IncomingMessage): string | null {
  const given = /^Basic (.+)$/i.exec(authorization ?? "")?.[1];
  return given === undefined
    ? null
    : Buffer.from(given, "base64")
        .toString()
        .replace(/^[^:]*:?/, "");
}
