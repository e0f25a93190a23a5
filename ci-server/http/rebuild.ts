// POST /api/v1/builds/<id>/rebuild: asks for the same commit again.

import Router from "@koa/router";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { type RebuildParts, rebuild } from "../flows/rebuild.ts";
import { readJson, readKey } from "./input.ts";

const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const rebuildRequest = z.strictObject({ no_cache: z.boolean().default(false) });

export function rebuildRoutes(parts: RebuildParts): Router {
  const router = new Router({ prefix: "/api/v1/builds" });
  router.post("/:id/rebuild", async (ctx) => {
    const asked = id.safeParse(ctx.params.id);
    if (!asked.success) throw new AppError("not_found", `there is no build ${ctx.params.id}`);
    const parsed = rebuildRequest.safeParse(await readJson(ctx));
    if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
    const request = { buildId: asked.data, noCache: parsed.data.no_cache };
    const build = await rebuild(parts, request, readKey(ctx));
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${build}`);
    ctx.body = { build, location: `/api/v1/builds/${build}` };
  });
  return router;
}
