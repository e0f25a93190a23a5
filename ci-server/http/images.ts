// POST /api/v1/images: asks for an image by hand.

import Router from "@koa/router";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { imageTypes } from "../core/service.ts";
import { type RequestParts, requestImage } from "../flows/request-image.ts";
import { line, readJson, readKey } from "./input.ts";

const imageRequest = z.strictObject({
  service: line.max(200),
  version: line.max(200),
  type: z.enum(imageTypes),
  ref: line.max(250).nullable().default(null),
  no_cache: z.boolean().default(false),
});

export function imageRoutes(parts: RequestParts): Router {
  const router = new Router({ prefix: "/api/v1/images" });
  router.post("/", async (ctx) => {
    const parsed = imageRequest.safeParse(await readJson(ctx));
    if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
    const { no_cache: noCache, ...asked } = parsed.data;
    const id = await requestImage(parts, { ...asked, noCache }, readKey(ctx));
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${id}`);
    ctx.body = { build: id, location: `/api/v1/builds/${id}` };
  });
  return router;
}
