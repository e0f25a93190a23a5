// How a repository's access lets us ask GitHub's API: with a token from a file, or as an App's installation.

import { readFile } from "node:fs/promises";
import { createAppAuth } from "@octokit/auth-app";
import { request } from "@octokit/request";
import type { GithubAppAccess } from "../../core/access.ts";
import { AppError } from "../../core/errors.ts";
import type { Repository } from "../../core/recipe.ts";
import { githubApiUrl } from "./api.ts";
import { ask } from "./request.ts";

export type Authorization = (signal: AbortSignal) => Promise<string>;

/** Null: the access is none of an API. Files are read each time. */
export function githubAuthorization(repository: Repository): Authorization | null {
  const { forge, access } = repository;
  if (forge.tokenFile !== null) return byToken(forge.tokenFile, "api.token_file");
  if (access?.kind === "token") return byToken(access.tokenFile, "access.token_file");
  return access?.kind === "github_app" ? byApp(repository, access) : null;
}

function byToken(file: string, setting: string): Authorization {
  return async () => `Bearer ${await readSecret(file, setting)}`;
}

function byApp(repository: Repository, access: GithubAppAccess): Authorization {
  const apiUrl = githubApiUrl(repository);
  return async (signal) => {
    const privateKey = await readSecret(access.privateKeyFile, "access.github_app.private_key_file");
    const auth = createAppAuth({ appId: access.appId, privateKey, request: request.defaults({ baseUrl: apiUrl }) });
    const { token: jwt } = await auth({ type: "app" });
    const [owner = "", repo = ""] = repository.name.split("/");
    const installationId =
      access.installationId ??
      (
        (
          await ask({ apiUrl, authorization: `Bearer ${jwt}`, signal }, "GET /repos/{owner}/{repo}/installation", {
            owner,
            repo,
          })
        ).data as { id: number }
      ).id;
    const { token } = await auth({ type: "installation", installationId, repositoryNames: [repo] });
    return `Bearer ${token}`;
  };
}

async function readSecret(file: string, setting: string): Promise<string> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new AppError("unauthorized", `${setting}: ${file} cannot be read (${cause.code})`, { cause });
  });
  return text.trim();
}
