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
  readonly headers?: Readonly<Record<string, string>>;
}

/** `path`: below `/repos/{owner}/{repo}`, with `:name` for what differs. `needs`: the permission. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly needs: { readonly permission: string; readonly level: "read" | "write" };
  readonly answer: (question: Question) => Answer | Promise<Answer>;
}

export const notFound: Answer = { status: 404, body: { message: "Not Found" } };

/** GitHub's answer to fields that it does not take. */
export function unprocessable(message: string): Answer {
  return { status: 422, body: { message: "Validation Failed", errors: [{ message }] } };
}
