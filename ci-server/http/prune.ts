// POST /api/v1/prune: removes what retention lets go, or says with `dry_run` what that would be.

import Router from "@koa/router";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import type { Pruning } from "../flows/pruning.ts";
import { readJson } from "./input.ts";

const pruneRequest = z.strictObject({ dry_run: z.boolean().default(false) });

/** Null: of a process that has neither the registry's password nor an engine. */
export function pruneRoutes(pruning: Pick<Pruning, "prune"> | null): Router {
  const router = new Router({ prefix: "/api/v1/prune" });
  router.post("/", async (ctx) => {
    const parsed = pruneRequest.safeParse(await readJson(ctx));
    if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
    if (pruning === null) {
      const why = "this process has the role receiver: it knows neither the registry nor an engine";
      throw new AppError("not_implemented", `${why}; the workers prune by themselves, every ten minutes`);
    }
    const gone = new AbortController();
    // Whoever asked has gone: nobody would read what was removed.
    ctx.res.once("close", () => gone.abort());
    const { dryRun, areas } = await pruning.prune({ dryRun: parsed.data.dry_run, signal: gone.signal });
    ctx.body = { dry_run: dryRun, areas };
  });
  return router;
}
