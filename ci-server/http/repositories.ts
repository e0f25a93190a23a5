// GET /api/v1/repositories: those that are configured, and how they fare.

import Router from "@koa/router";
import type { RepositoryState } from "../core/catalogue.ts";
import type { Catalogue } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { repositoryListView } from "../core/views/catalogue.ts";
import { shown } from "../core/views/json.ts";
import { toBuildEntry } from "./build-view.ts";
import { operation, type Paths } from "./operation.ts";

export interface RepositoryParts {
  readonly catalogue: Catalogue;
  readonly repositories: readonly Repository[];
}

export function repositoryRoutes({ catalogue, repositories }: RepositoryParts): Router {
  const router = new Router();
  router.get("/api/v1/repositories", async (ctx) => {
    const states = await catalogue.repositories(repositories.map(({ name }) => name));
    const byName = new Map(states.map((state) => [state.name, state]));
    const views = repositories.flatMap((repository) => {
      const state = byName.get(repository.name);
      return state === undefined ? [] : [toView(repository, state)];
    });
    ctx.body = shown(repositoryListView, { repositories: views });
  });
  return router;
}

function toView({ name, url, branches, concurrency, services }: Repository, state: RepositoryState) {
  const { plannedServices, lastBuild, name: _same, ...rest } = state;
  return {
    ...{ name, url, branches, concurrency, ...rest },
    services: services?.map((service) => service.name) ?? plannedServices,
    lastBuild: lastBuild === null ? null : toBuildEntry(lastBuild),
    problem: problemOf(state),
  };
}

/** The one thing to look at; null when there is none. */
function problemOf({ lastBuild, lastDeliveryAt }: RepositoryState): string | null {
  if (lastBuild === null && lastDeliveryAt === null) return "no delivery has come yet: add the webhook on the forge";
  if (lastBuild === null || !["failure", "error", "timeout"].includes(lastBuild.result ?? "")) return null;
  const why = lastBuild.failure?.message.split("\n")[0];
  return `build ${lastBuild.id} ended with ${lastBuild.result}${why === undefined ? "" : `: ${why}`}`;
}

export const repositoryPaths: Paths = {
  "/api/v1/repositories": {
    get: operation({
      summary: "The configured repositories, and how they fare",
      role: "read",
      answers: { 200: { schema: repositoryListView } },
    }),
  },
};
