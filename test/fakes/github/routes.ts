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

const pageMax = 100;

/** One page of a list, with links to the next and the last one. Source: GitHub documentation, "Using pagination in the REST API"; RFC 8288. */
export function pageOf<T>({ query, state, repository }: Question, below: string, all: readonly T[]): Answer {
  const size = Math.min(Number(query.get("per_page") ?? 30), pageMax);
  const page = Number(query.get("page") ?? 1);
  const last = Math.ceil(all.length / size);
  const url = `${state.url}/api/v3/repos/${repository.name}${below}?per_page=${size}`;
  const links = [`<${url}&page=${page + 1}>; rel="next"`, `<${url}&page=${last}>; rel="last"`];
  const headers: Record<string, string> = page < last ? { link: links.join(", ") } : {};
  return { status: 200, body: all.slice((page - 1) * size, page * size), headers };
}

export const notFound: Answer = { status: 404, body: { message: "Not Found" } };

/** GitHub's answer to fields that it does not take. */
export function unprocessable(message: string): Answer {
  return { status: 422, body: { message: "Validation Failed", errors: [{ message }] } };
}
