// Asks of one repository with its own access: a token that is refused is read or made anew, once.

import { AppError } from "../../core/errors.ts";
import type { Answer, Parameters } from "./answer.ts";
import type { Authorization } from "./authorization.ts";
import { askGithub, type GithubParts, type Identity } from "./client.ts";
import { permissionFor } from "./permissions.ts";

/** Asks of one repository: `{owner}` and `{repo}` are filled in. */
export type Ask = (route: string, parameters: Parameters, signal: AbortSignal) => Promise<Answer>;

export function createAsk(parts: GithubParts, authorization: Authorization, repository: string): Ask {
  const [owner = "", repo = ""] = repository.split("/");
  return async (route, given, signal) => {
    const parameters = route.includes("{repo}") ? { owner, repo, ...given } : given;
    const as = (identity: Identity) => askGithub(parts, identity, { route, parameters, signal });
    const enter = () => authorization.enter(permissionFor(route), signal);
    const first = await enter();
    try {
      return await as(first);
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== "unauthorized") throw error;
      authorization.forget(first.token);
      const second = await enter();
      if (Buffer.from(second.token).equals(Buffer.from(first.token))) throw error;
      return as(second);
    }
  };
}

/** RFC 8288: the page that is called so, `<…?page=3>; rel="last"`. */
export function pageOf({ headers }: Answer, rel: "next" | "last"): URL | null {
  const link = new RegExp(`<([^>]+)>;\\s*rel="${rel}"`).exec(String(headers.link ?? ""))?.[1];
  return link === undefined ? null : URL.parse(link);
}
