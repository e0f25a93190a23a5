// Puts the forges together: who verifies a delivery, and who is asked of a repository. One line for each forge.

import type { Forge, ForgeApi, ForgeRepository } from "./core/ports.ts";
import type { Repository } from "./core/recipe.ts";
import { createGiteaApi } from "./forges/gitea/api.ts";
import { createGitea } from "./forges/gitea.ts";
import { createGithubApi } from "./forges/github/api.ts";
import { githubAuthorization } from "./forges/github/authorization.ts";
import { createGithub } from "./forges/github.ts";

/** `secrets`: all that are accepted at this time. */
export function openWebhooks(secrets: readonly string[]): readonly Forge[] {
  return [createGithub(secrets), createGitea(secrets)];
}

/** Null: the repository's forge cannot be asked with the access that it has. */
export type ForgeOf = (repository: Repository) => ForgeRepository | null;

export function openForges(): ForgeOf {
  const apis: readonly ForgeApi[] = [createGithubApi({ authorizationOf: githubAuthorization }), createGiteaApi()];
  return (repository) => {
    for (const api of apis) {
      const found = api.of(repository);
      if (found !== null) return found;
    }
    return null;
  };
}
