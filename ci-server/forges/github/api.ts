// GitHub's API for one repository: statuses, check runs, comments, who may do what, and hooks.
// Source: GitHub's REST API, version 2022-11-28.

import { z } from "zod";
import type { ForgeApi, ForgeChecks, ForgeRepository } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import { toCheckFields } from "./checks.ts";
import { type Ask, createHooks } from "./hooks.ts";
import { ask } from "./request.ts";

export interface GithubApiParts {
  /** Null: the repository is not asked as an App. */
  readonly appHookOf?: (repository: Repository) => ForgeRepository["appHook"] | null;
  /** The value of the header Authorization; null where the repository's access is none of an API. */
  readonly authorizationOf: (repository: Repository) => ((signal: AbortSignal) => Promise<string>) | null;
}

const withId = z.object({ id: z.number().int() });
const comments = z.array(withId.extend({ body: z.string().nullish(), created_at: z.coerce.date() }));
const permission = z.object({ permission: z.string() });
const commentsMax = 100;

export function createGithubApi({ authorizationOf, appHookOf }: GithubApiParts): ForgeApi {
  return {
    name: "github",
    of(repository) {
      const authorization = authorizationOf(repository);
      if (repository.forge.name !== "github" || authorization === null) return null;
      const appHook = appHookOf?.(repository) ?? null;
      return { ...createRepository(repository, authorization), ...(appHook !== null && { appHook }) };
    },
  };
}

/** GitHub Enterprise Server has it below its own host. */
export function githubApiUrl({ forge, access, url }: Pick<Repository, "forge" | "access" | "url">): string {
  const given = forge.apiUrl ?? (access?.kind === "github_app" ? access.apiUrl : null);
  if (given !== null) return given;
  const { protocol, host, hostname } = new URL(url);
  if (hostname === "github.com") return "https://api.github.com";
  return protocol === "ssh:" ? `https://${hostname}/api/v3` : `${protocol}//${host}/api/v3`;
}

function createRepository(given: Repository, authorization: (signal: AbortSignal) => Promise<string>): ForgeRepository {
  const [owner = "", repo = ""] = given.name.split("/");
  const apiUrl = githubApiUrl(given);
  const asks: Ask = async (route, parameters, signal) =>
    ask({ apiUrl, authorization: await authorization(signal), signal }, route, { owner, repo, ...parameters });
  const idOf = ({ data }: { readonly data: unknown }) => String(withId.parse(data).id);
  const issue = "/repos/{owner}/{repo}/issues";
  return {
    name: given.name,
    checks: given.access?.kind === "github_app" && given.forge.tokenFile === null ? createChecks(asks) : null,
    hooks: createHooks(asks),
    async setStatus({ url, ...status }, signal) {
      const target = url === null ? {} : { target_url: url };
      await asks("POST /repos/{owner}/{repo}/statuses/{sha}", { ...status, ...target }, signal);
    },
    async putComment({ pullRequest, text }, id, signal) {
      if (id !== null) return idOf(await asks(`PATCH ${issue}/comments/{id}`, { id, body: text }, signal));
      return idOf(await asks(`POST ${issue}/{pullRequest}/comments`, { pullRequest, body: text }, signal));
    },
    async findComment(pullRequest, text, signal) {
      const parameters = { pullRequest, per_page: commentsMax };
      const { data } = await asks(`GET ${issue}/{pullRequest}/comments`, parameters, signal);
      const found = comments.parse(data).filter(({ body }) => body?.includes(text));
      return found.length === 0 ? null : String(found.at(-1)?.id);
    },
    async permission(login, signal) {
      const route = "GET /repos/{owner}/{repo}/collaborators/{login}/permission";
      const { permission: given } = permission.parse((await asks(route, { login }, signal)).data);
      if (given === "admin" || given === "write") return "write";
      return given === "read" ? "read" : "none";
    },
  };
}

function createChecks(asks: Ask): ForgeChecks {
  const route = "/repos/{owner}/{repo}/check-runs";
  return {
    async put(check, id, signal) {
      const fields = toCheckFields(check);
      const answer =
        id === null
          ? await asks(`POST ${route}`, { head_sha: check.sha, ...fields }, signal)
          : await asks(`PATCH ${route}/{id}`, { id, ...fields }, signal);
      return String(withId.parse(answer.data).id);
    },
  };
}
