// POST /api/v1/images: asks for an image by hand.

import Router from "@koa/router";
import { z } from "zod";
import { imageTypes } from "../core/service.ts";
import { acceptedView } from "../core/views/build.ts";
import { shown } from "../core/views/json.ts";
import { type RequestParts, requestImage } from "../flows/request-image.ts";
import { noteForAudit } from "./context.ts";
import { idempotencyHeaders, line, parseBody, readKey } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

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
    const { no_cache: noCache, ...asked } = await parseBody(imageRequest, ctx);
    const id = await requestImage(parts, { ...asked, noCache }, readKey(ctx));
    const { service, version, ref } = asked;
    noteForAudit(ctx, { action: "build", target: `${service} ${version}`, detail: { build: id, ref, noCache } });
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${id}`);
    ctx.body = shown(acceptedView, { build: id, location: `/api/v1/builds/${id}` });
  });
  return router;
}

export const imagePaths: Paths = {
  "/api/v1/images": {
    post: operation({
      summary: "Ask for an image by hand",
      role: "admin",
      headers: idempotencyHeaders,
      body: imageRequest,
      answers: { 202: { description: "Queued", schema: acceptedView } },
    }),
  },
};
