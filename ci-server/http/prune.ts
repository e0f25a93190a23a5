// POST /api/v1/prune: removes what retention lets go, or says with `dry_run` what that would be.

import Router from "@koa/router";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { AreaReport } from "../core/prune.ts";
import { shown } from "../core/views/json.ts";
import { pruneView } from "../core/views/system.ts";
import type { Pruning } from "../flows/pruning.ts";
import { noteForAudit } from "./context.ts";
import { parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const pruneRequest = z.strictObject({ dry_run: z.boolean().default(false) });

/** Null: of a process that has neither the registry's password nor an engine. */
export function pruneRoutes(pruning: Pick<Pruning, "prune"> | null): Router {
  const router = new Router({ prefix: "/api/v1/prune" });
  router.post("/", async (ctx) => {
    const { dry_run: isDry } = await parseBody(pruneRequest, ctx);
    if (pruning === null) {
      const why = "this process has the role receiver: it knows neither the registry nor an engine";
      throw new AppError("not_implemented", `${why}; the workers prune by themselves, every ten minutes`);
    }
    const gone = new AbortController();
    // Whoever asked has gone: nobody would read what was removed.
    ctx.res.once("close", () => gone.abort());
    const { dryRun, areas } = await pruning.prune({ dryRun: isDry, signal: gone.signal });
    if (!dryRun) noteForAudit(ctx, { action: "prune", target: null, detail: removedOf(areas) });
    ctx.body = shown(pruneView, { dry_run: dryRun, areas });
  });
  return router;
}

function removedOf(areas: readonly AreaReport[]): Record<string, number> {
  return Object.fromEntries(areas.map(({ area, removed }) => [area, removed]));
}

export const prunePaths: Paths = {
  "/api/v1/prune": {
    post: operation({
      summary: "Remove what retention lets go, or say what that would be",
      role: "admin",
      body: pruneRequest,
      answers: { 200: { schema: pruneView } },
    }),
  },
};
