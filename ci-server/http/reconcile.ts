// GET and POST /api/v1/reconcile: how the looks for what did not arrive went, and one that is asked for now.

import Router from "@koa/router";
import { z } from "zod";
import { findRepository } from "../core/decide.ts";
import { AppError } from "../core/errors.ts";
import type { ReconcileStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { shown } from "../core/views/json.ts";
import { reconcileAskedView, reconcileListView } from "../core/views/reconcile.ts";
import { noteForAudit } from "./context.ts";
import { line, parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

export interface ReconcileOptions {
  readonly reconcile: Pick<ReconcileStore, "ask" | "states">;
  readonly repositories: readonly Repository[];
}

const place = "/api/v1/reconcile";
const request = z.strictObject({
  repository: line.max(200).optional().meta({ description: "Absent: all of them." }),
});

export function reconcileRoutes({ reconcile, repositories }: ReconcileOptions): Router {
  const router = new Router({ prefix: place });
  router.get("/", async (ctx) => {
    const states = await reconcile.states(repositories.map(({ name }) => name));
    ctx.body = shown(reconcileListView, { repositories: states });
  });
  router.post("/", async (ctx) => {
    const { repository: name } = await parseBody(request, ctx);
    const asked = await reconcile.ask(namesOf(repositories, name));
    ctx.status = 202;
    noteForAudit(ctx, { action: "reconcile", target: name ?? null, detail: {} });
    ctx.body = shown(reconcileAskedView, { repositories: asked });
  });
  return router;
}

function namesOf(repositories: readonly Repository[], name: string | undefined): string[] {
  if (name === undefined) return repositories.map((repository) => repository.name);
  const found = findRepository(repositories, name);
  if (found === undefined)
    throw new AppError("not_found", `repository ${name} is not configured; mergedock.yml lists them`);
  return [found.name];
}

export const reconcilePaths: Paths = {
  [place]: {
    get: operation({
      summary: "How the looks for deliveries and merges that did not arrive went",
      role: "read",
      answers: { 200: { schema: reconcileListView } },
    }),
    post: operation({
      summary: "Look now for deliveries and merges that did not arrive",
      description: "A worker does it; what it finds stands among the deliveries, with its origin.",
      role: "admin",
      body: request,
      answers: { 202: { schema: reconcileAskedView } },
    }),
  },
};
