// As whom a repository's API is asked: with a token from a file, or as an App's installation.

import { createHash } from "node:crypto";
import type { Credential } from "../../adapters/forge-gate-parts.ts";
import { readToken } from "../../adapters/token-file.ts";
import type { GithubAppAccess } from "../../core/access.ts";
import type { Repository } from "../../core/recipe.ts";
import { githubApiUrl } from "./api-url.ts";
import type { GithubApps } from "./apps.ts";
import type { Identity } from "./client.ts";
import type { AppPermission } from "./permissions.ts";
import { Remembered } from "./remembered.ts";

export interface Authorization {
  readonly isApp: boolean;
  /** The least that allows this. Files are read each time. */
  enter(permission: AppPermission, signal: AbortSignal): Promise<Identity>;
  /** This token was refused: it is not used again, unless it is what the file still holds. */
  forget(token: string): void;
}

/** Null: the access is none of an API. */
export function githubAuthorization(repository: Repository, apps: GithubApps): Authorization | null {
  const { forge, access } = repository;
  if (forge.tokenFile !== null) return byToken(repository, forge.tokenFile, "api.token_file");
  if (access?.kind === "token") return byToken(repository, access.tokenFile, "access.token_file");
  return access?.kind === "github_app" ? byApp(repository, access, apps) : null;
}

function byToken(repository: Repository, file: string, setting: string): Authorization {
  const apiUrl = githubApiUrl(repository);
  const remembered = rememberedOfEach();
  return {
    isApp: false,
    async enter() {
      const token = await readToken(file, setting);
      // Who is rate limited is the token, whichever files it stands in.
      const key = createHash("sha256").update(token).digest("hex");
      const credential = { key, name: `the token of ${setting} (${file})` };
      return { apiUrl, credential, isApp: false, token, remembered: remembered(credential) };
    },
    forget: () => undefined,
  };
}

function byApp(repository: Repository, access: GithubAppAccess, apps: GithubApps): Authorization {
  const apiUrl = githubApiUrl(repository);
  const [owner = "", name = ""] = repository.name.split("/");
  const remembered = rememberedOfEach();
  return {
    isApp: true,
    async enter(permission, signal) {
      const { token, credential } = await apps.token({ apiUrl, access, owner, name, permission, signal });
      return { apiUrl, credential, isApp: true, token, remembered: remembered(credential) };
    },
    forget: apps.forget,
  };
}

/** Of the last credential only: a new token in the file may be another person's. */
function rememberedOfEach(): (credential: Credential) => Remembered {
  let last = { key: "", remembered: new Remembered() };
  return ({ key }) => {
    if (last.key !== key) last = { key, remembered: new Remembered() };
    return last.remembered;
  };
}
