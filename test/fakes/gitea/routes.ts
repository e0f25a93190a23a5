// How the fake's resources say what they answer, and to what.

import type { FakeRepository, FakeState, Token } from "./state.ts";

export interface Question {
  readonly state: FakeState;
  readonly token: Token;
  readonly repository: FakeRepository;
  /** What the path's `:name` parts are. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
}

/** `path`: below `/repos/{owner}/{repo}`, with `:name` for what differs. `needs`: of the token, and of whose it is. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly needs: { readonly scope: "repository" | "issue"; readonly permission: "admin" | "write" | "read" };
  readonly answer: (question: Question) => Answer | Promise<Answer>;
}

/** APIError of services/context/api.go. */
export function refused(status: number, message: string): Answer {
  return { status, body: { message, url: "https://git.acme.test/api/swagger" } };
}

export const notFound = refused(404, "The target couldn't be found.");
