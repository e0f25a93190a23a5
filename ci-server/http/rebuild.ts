// POST /api/v1/builds/<id>/rebuild: asks for the same commit again.

import Router from "@koa/router";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { acceptedView } from "../core/views/build.ts";
import { shown } from "../core/views/json.ts";
import { type RebuildParts, rebuild } from "../flows/rebuild.ts";
import { buildPath } from "./builds.ts";
import { noteForAudit } from "./context.ts";
import { idempotencyHeaders, parseBody, readKey } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const rebuildRequest = z.strictObject({ no_cache: z.boolean().default(false) });

export function rebuildRoutes(parts: RebuildParts): Router {
  const router = new Router({ prefix: "/api/v1/builds" });
  router.post("/:id/rebuild", async (ctx) => {
    const asked = id.safeParse(ctx.params.id);
    if (!asked.success) throw new AppError("not_found", `there is no build ${ctx.params.id}`);
    const { no_cache: noCache } = await parseBody(rebuildRequest, ctx);
    const build = await rebuild(parts, { buildId: asked.data, noCache }, readKey(ctx));
    noteForAudit(ctx, { action: "rebuild", target: `build ${asked.data}`, detail: { build, noCache } });
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${build}`);
    ctx.body = shown(acceptedView, { build, location: `/api/v1/builds/${build}` });
  });
  return router;
}

export const rebuildPaths: Paths = {
  "/api/v1/builds/{id}/rebuild": {
    post: operation({
      summary: "Build the same commit again",
      role: "admin",
      path: buildPath,
      headers: idempotencyHeaders,
      body: rebuildRequest,
      answers: { 202: { description: "Queued", schema: acceptedView } },
    }),
  },
};
