// POST /api/v1/images: asks for an image by hand.

import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { imageTypes } from "../core/service.ts";
import { type RequestParts, requestImage } from "../flows/request-image.ts";
import { line, readJson } from "./input.ts";

const imageRequest = z.strictObject({
  service: line.max(200),
  version: line.max(200),
  type: z.enum(imageTypes),
  ref: line.max(250).nullable().default(null),
});
// Source: draft-ietf-httpapi-idempotency-key-header; the length is ours.
const keyPattern = /^[\x21-\x7e]{1,200}$/;

export function imageRoutes(parts: RequestParts): Router {
  const router = new Router({ prefix: "/api/v1/images" });
  router.post("/", async (ctx) => {
    const parsed = imageRequest.safeParse(await readJson(ctx));
    if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
    const id = await requestImage(parts, parsed.data, readKey(ctx));
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${id}`);
    ctx.body = { build: id, location: `/api/v1/builds/${id}` };
  });
  return router;
}

function readKey(ctx: Parameters<Middleware>[0]): string | null {
  const key = ctx.get("idempotency-key");
  if (key === "") return null;
  if (!keyPattern.test(key))
    throw new AppError("invalid", "Idempotency-Key has to be 1 to 200 printable characters without blanks");
  return key;
}
