// GitHub's API for one repository: statuses, check runs, comments, who may do what, and hooks.
// Source: GitHub's REST API, version 2022-11-28.

import { z } from "zod";
import type { ForgeApi, ForgeChecks, ForgeRepository } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import { githubAppHook } from "./app-hook.ts";
import type { GithubApps } from "./apps.ts";
import { type Ask, createAsk } from "./asking.ts";
import { type Authorization, githubAuthorization } from "./authorization.ts";
import { toCheckFields } from "./checks.ts";
import { type GithubParts, parseAnswer } from "./client.ts";
import { createComments } from "./comments.ts";
import { createHooks } from "./hooks.ts";
import { withId } from "./ids.ts";

export interface GithubApiParts extends GithubParts {
  readonly apps: GithubApps;
}

const permission = z.object({ permission: z.string() });
const keptMax = 1_000;

export function createGithubApi(parts: GithubApiParts): ForgeApi {
  // What was remembered of a repository's answers outlives the question.
  const known = new Map<Repository, ForgeRepository>();
  return {
    name: "github",
    of(repository) {
      const found = known.get(repository);
      if (found !== undefined || repository.forge.name !== "github") return found ?? null;
      const authorization = githubAuthorization(repository, parts.apps);
      if (authorization === null) return null;
      const appHook = githubAppHook(parts.apps, repository);
      const made = { ...createRepository(parts, repository, authorization), ...(appHook !== null && { appHook }) };
      if (known.size >= keptMax) known.clear();
      known.set(repository, made);
      return made;
    },
  };
}

function createRepository(parts: GithubParts, given: Repository, authorization: Authorization): ForgeRepository {
  const ask = createAsk(parts, authorization, given.name);
  const { isApp } = authorization;
  const appId = isApp && given.access?.kind === "github_app" ? given.access.appId : null;
  return {
    name: given.name,
    checks: isApp ? createChecks(ask) : null,
    hooks: createHooks(ask),
    ...createComments(ask, appId),
    async setStatus({ url, ...status }, signal) {
      const target = url === null ? {} : { target_url: url };
      await ask("POST /repos/{owner}/{repo}/statuses/{sha}", { ...status, ...target }, signal);
    },
    async permission(login, signal) {
      const route = "GET /repos/{owner}/{repo}/collaborators/{login}/permission";
      const { permission: may } = parseAnswer(permission, await ask(route, { login }, signal), "a person's permission");
      if (may === "admin" || may === "write") return "write";
      return may === "read" ? "read" : "none";
    },
  };
}

function createChecks(ask: Ask): ForgeChecks {
  const route = "/repos/{owner}/{repo}/check-runs";
  return {
    async put(check, id, signal) {
      const fields = toCheckFields(check);
      const answer =
        id === null
          ? await ask(`POST ${route}`, { head_sha: check.sha, ...fields }, signal)
          : await ask(`PATCH ${route}/{id}`, { id, ...fields }, signal);
      return String(parseAnswer(withId, answer, "a check run").id);
    },
  };
}
