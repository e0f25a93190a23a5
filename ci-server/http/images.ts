// POST /api/v1/images: asks for an image by hand.

import Router from "@koa/router";
import rawBody from "raw-body";
import { z } from "zod";
import { AppError } from "../core/errors.ts";
import { imageTypes } from "../core/recipe.ts";
import { type RequestParts, requestImage } from "../flows/request-image.ts";

const bodyBytesMax = 64 * 1024;

const imageRequest = z.strictObject({
  service: z.string().min(1).max(200),
  version: z.string().min(1).max(200),
  type: z.enum(imageTypes),
  ref: z.string().min(1).max(250).nullable().default(null),
});

export function imageRoutes(parts: RequestParts): Router {
  const router = new Router({ prefix: "/api/v1/images" });
  router.post("/", async (ctx) => {
    const request = await readRequest(ctx.req, ctx.request.type);
    const id = await requestImage(parts, request);
    ctx.status = 202;
    ctx.set("Location", `/api/v1/builds/${id}`);
    ctx.body = { build: id, location: `/api/v1/builds/${id}` };
  });
  return router;
}

async function readRequest(stream: NodeJS.ReadableStream, type: string): Promise<z.infer<typeof imageRequest>> {
  if (type !== "application/json")
    throw new AppError("unsupported", 'send the request as JSON with "Content-Type: application/json"');
  const parsed = imageRequest.safeParse(await readJson(stream));
  if (!parsed.success) throw new AppError("invalid", `the request is not valid: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

async function readJson(stream: NodeJS.ReadableStream): Promise<unknown> {
  const text = await rawBody(stream, { limit: bodyBytesMax, encoding: "utf8" }).catch((cause: unknown) => {
    throw new AppError("too_large", `the request has to arrive whole and to be at most ${bodyBytesMax} bytes`, {
      cause,
    });
  });
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new AppError("invalid", "the request is not JSON", { cause });
  }
}
