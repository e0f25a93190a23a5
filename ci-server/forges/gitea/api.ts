// Gitea's and Forgejo's API for one repository: statuses, comments, who may do what, and hooks. Check runs there are none.
// Source: github.com/go-gitea/gitea, routers/api/v1/repo: status.go, issue_comment.go, collaborators.go, hook.go.

import { createHash } from "node:crypto";
import { z } from "zod";
import type { ForgeGate } from "../../adapters/forge-gate.ts";
import { readToken } from "../../adapters/token-file.ts";
import { isSecret } from "../../core/access.ts";
import { AppError } from "../../core/errors.ts";
import type { ForgeApi, ForgeRepository, Permission } from "../../core/ports.ts";
import type { Repository } from "../../core/recipe.ts";
import { createHooks } from "./hooks.ts";
import { type Ask, type AskLimits, ask } from "./request.ts";

const comment = z.object({
  id: z.number().int(),
  body: z.string().nullish(),
  user: z.object({ login: z.string() }).nullish(),
});
const permission = z.object({ permission: z.string() });
const self = z.object({ login: z.string() });

export interface GiteaApiParts {
  readonly gate: ForgeGate;
  readonly limits: AskLimits;
}

export function createGiteaApi(parts: GiteaApiParts): ForgeApi {
  return {
    name: "gitea",
    of(repository) {
      const token = tokenOf(repository);
      return repository.forge.name !== "gitea" || token === null ? null : createRepository(parts, repository, token);
    },
  };
}

/** Below the repository's own host unless the configuration says where. */
export function giteaApiUrl({ forge, url }: Pick<Repository, "forge" | "url">): string {
  if (forge.apiUrl !== null) return forge.apiUrl;
  const { protocol, host, hostname } = new URL(url);
  return protocol === "ssh:" ? `https://${hostname}/api/v1` : `${protocol}//${host}/api/v1`;
}

interface TokenFile {
  readonly file: string;
  readonly setting: string;
}

/** Null: the access is none of its API. */
function tokenOf({ forge, access }: Repository): TokenFile | null {
  if (forge.tokenFile !== null) return { file: forge.tokenFile, setting: "api.token_file" };
  return access?.kind === "token" ? { file: access.tokenFile, setting: "access.token_file" } : null;
}

function createRepository({ gate, limits }: GiteaApiParts, given: Repository, token: TokenFile): ForgeRepository {
  const apiUrl = giteaApiUrl(given);
  const ofApi: Ask = async (method, path, { as, body = null, signal }) => {
    const url = `${apiUrl}${path}`;
    if (!isSecret(apiUrl))
      throw new AppError("invalid", `${apiUrl}: a token is not sent in clear; give api.url, with https://`);
    const secret = await readToken(token.file, token.setting);
    const key = createHash("sha256").update(secret).digest("hex");
    const answer = await gate.through(
      {
        ...{ forge: "gitea", apiUrl, signal, isWrite: method !== "GET" },
        credential: { key, name: `the token of ${token.setting} (${token.file})` },
        probe: (probing) =>
          ask({ url: `${apiUrl}/version`, method: "GET", body: null, authorization: null, limits, signal: probing }),
      },
      () => ask({ url, method, body, authorization: `token ${secret}`, limits, signal }),
    );
    const parsed = as.safeParse(answer.data);
    if (parsed.success) return parsed.data;
    throw new AppError(
      "unavailable",
      `${method} ${url}: what is answered is not the API's: ${z.prettifyError(parsed.error)}`,
    );
  };
  const asks: Ask = (method, path, question) => ofApi(method, `/repos/${given.name}${path}`, question);
  return {
    name: given.name,
    checks: null,
    hooks: createHooks(asks),
    async setStatus({ sha, url, ...status }, signal) {
      const body = { ...status, ...(url === null ? {} : { target_url: url }) };
      await asks("POST", `/statuses/${sha}`, { as: z.unknown(), body, signal });
    },
    async putComment({ pullRequest, text }, id, signal) {
      const [method, path] =
        id === null
          ? (["POST", `/issues/${pullRequest}/comments`] as const)
          : (["PATCH", `/issues/comments/${encodeURIComponent(id)}`] as const);
      return String((await asks(method, path, { as: comment, body: { body: text }, signal })).id);
    },
    async findComment(pullRequest, text, signal) {
      // All of them come at once.
      const all = await asks("GET", `/issues/${pullRequest}/comments`, { as: z.array(comment), signal });
      const found = all.filter(({ body }) => body?.includes(text) === true);
      if (found.length === 0) return null;
      const { login } = await ofApi("GET", "/user", { as: self, signal });
      const own = found.filter(({ user }) => user?.login === login).map(({ id }) => id);
      return own.length === 0 ? null : String(Math.max(...own));
    },
    async permission(login, signal) {
      const path = `/collaborators/${encodeURIComponent(login)}/permission`;
      const answer = await asks("GET", path, { as: permission, signal }).catch((error: unknown) => {
        // Nobody of that name is there.
        if (error instanceof AppError && error.code === "not_found") return { permission: "none" };
        throw error;
      });
      return toPermission(answer.permission);
    },
  };
}

function toPermission(given: string): Permission {
  if (given === "owner" || given === "admin" || given === "write") return "write";
  return given === "read" ? "read" : "none";
}
