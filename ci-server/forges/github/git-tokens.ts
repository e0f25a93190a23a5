// Tokens of a GitHub App for git: each for one repository, and for reading its contents only.

import { AppError } from "../../core/errors.ts";
import type { AccessTokens } from "../../core/ports.ts";
import { githubApiUrl } from "./api-url.ts";
import type { GithubApps } from "./apps.ts";

/** A build that waits holds its worker: it asks again soon, which costs the forge nothing, and is then given back. */
const retryMsMax = 30_000;

export function createGithubAppTokens(apps: GithubApps): AccessTokens {
  return {
    async token({ access, apiUrl, url, signal }) {
      const { owner, name } = repositoryOf(url);
      const forge = { apiUrl };
      const wish = { access, owner, name, permission: { name: "contents", level: "read" }, signal } as const;
      try {
        return (await apps.token({ ...wish, apiUrl: githubApiUrl({ forge, access, url }) })).token;
      } catch (error) {
        throw error instanceof AppError ? forBuilds(error) : error;
      }
    },
    forget: apps.forget,
  };
}

/** A forge that wants to be left alone for a while makes no build fail. */
function forBuilds(error: AppError): AppError {
  const { retryAfterMs } = error.details;
  if (error.code !== "rate_limited" && (error.code !== "unavailable" || typeof retryAfterMs !== "number")) return error;
  const details = { retryAfterMs: Math.min(typeof retryAfterMs === "number" ? retryAfterMs : retryMsMax, retryMsMax) };
  return new AppError("unavailable", error.message, { cause: error.cause, details });
}

/** The last two segments, as on GitHub and on its Enterprise Server. */
function repositoryOf(url: string): { owner: string; name: string } {
  const [owner = "", name = ""] = new URL(url).pathname
    .replace(/(?:\.git)?\/*$/, "")
    .split("/")
    .slice(-2);
  if (!/^[A-Za-z0-9._-]+$/.test(owner) || !/^[A-Za-z0-9._-]+$/.test(name))
    throw new AppError(
      "invalid",
      `${url} is not the url of a repository on GitHub, such as https://github.com/acme/shop.git`,
    );
  return { owner, name };
}
