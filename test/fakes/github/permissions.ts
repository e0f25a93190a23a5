// Who may do what: a person by what the repository's people may, an App by what its installation was given.

import { type Answer, notFound, type Route } from "./routes.ts";
import type { FakeRepository, FakeState, Token } from "./state.ts";

type Needs = Route["needs"];

/** Of a question without a token. */
export const nobody: Token = { login: "", repositories: null, permissions: null, endsMs: Number.POSITIVE_INFINITY };

/** Null: there is none, or it has ended. */
export function tokenOf({ tokens, clock }: FakeState, text: string): Token | null {
  const token = tokens.get(text);
  return token === undefined || token.endsMs <= clock.now().getTime() ? null : token;
}

/** Whether the repository shows itself at all, and what is needed is there. */
export function reaches(token: Token, repository: FakeRepository, needs: Needs): boolean {
  return sees(token, repository) && refusal({ needs }, token, repository) === null;
}

export function sees(
  { login, repositories, permissions }: Token,
  { name, isPrivate, people }: FakeRepository,
): boolean {
  const isNamed = repositories === null || repositories.some((one) => one.toLowerCase() === name.toLowerCase());
  if (!isPrivate) return permissions === null || isNamed;
  return isNamed && (permissions !== null || (people.get(login) ?? "none") !== "none");
}

/** docs: an App lacks a permission, 403; a person who may not, 404 as if there were nothing. */
export function refusal(
  { needs }: Pick<Route, "needs">,
  { login, permissions }: Token,
  { people, isPrivate }: FakeRepository,
): Answer | null {
  if (permissions !== null) {
    if (needs.permission === "metadata" || allows(permissions[needs.permission], needs.level)) return null;
    return { status: 403, body: { message: "Resource not accessible by integration" } };
  }
  if (login === "" && needs.level === "write") return { status: 401, body: { message: "Requires authentication" } };
  const has = people.get(login) ?? (isPrivate ? "none" : "read");
  return isEnough(has, needs, login) ? null : notFound;
}

function isEnough(has: string, { permission, level }: Needs, login: string): boolean {
  if (permission === "repository_hooks") return has === "admin";
  // Whoever reads a repository and has an account may write comments there.
  if (permission === "pull_requests" && login !== "") return has !== "none";
  return allows(has, level);
}

export function allows(has: string | undefined, needs: string): boolean {
  return has === needs || has === "admin" || (has === "write" && needs === "read");
}
