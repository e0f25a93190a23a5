// The listener for forges: raw bytes in, a decision out. Nothing else is served here, since this is what a tunnel exposes.

import Router from "@koa/router";
import type Koa from "koa";
import type { Middleware } from "koa";
import type { Logger } from "pino";
import rawBody from "raw-body";
import type { Delivery } from "../core/delivery.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { Forge, ForgeRequest, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { acceptDelivery } from "../flows/accept-delivery.ts";
import { createKoa } from "./server.ts";

export interface WebhookOptions {
  readonly forges: readonly Forge[];
  readonly store: Store;
  readonly repositories: readonly Repository[];
  readonly bodyBytesMax: number;
  /** Of all bodies that are being received or stored. */
  readonly inFlightBytesMax: number;
  readonly log: Logger;
}

export function createWebhookApp(options: WebhookOptions): Koa {
  const router = new Router();
  const budget = { bytes: 0 };
  for (const forge of options.forges) router.post(`/webhooks/${forge.name}`, receive(options, forge, budget));
  const app = createKoa(options.log);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function receive(options: WebhookOptions, forge: Forge, budget: { bytes: number }): Middleware {
  return async (ctx) => {
    const reserved = reserve(options, budget, ctx.request.length);
    try {
      if (ctx.get("content-encoding") !== "")
        throw new AppError("unsupported", "a compressed body is not taken; send it as it is");
      const body = await readBody(ctx.req, ctx.request.length, options.bodyBytesMax);
      const delivery = await verify(options, forge, { headers: toHeaders(ctx.headers), body });
      const { store, repositories } = options;
      const accepted = await acceptDelivery({ store, repositories }, delivery);
      const { guid, verdict, reason, buildId } = accepted;
      options.log.info({ delivery: guid, event: delivery.name, verdict, reason, buildId }, "delivery stored");
      if (delivery.event.kind === "unreadable") throw new AppError(delivery.event.code, delivery.event.problem);
      ctx.status = delivery.event.kind === "ping" ? 200 : 202;
      ctx.body = { delivery: guid, verdict, reason, build: buildId };
    } finally {
      budget.bytes -= reserved;
    }
  };
}

async function verify({ store, log }: WebhookOptions, forge: Forge, request: ForgeRequest): Promise<Delivery> {
  try {
    return forge.receive(request);
  } catch (thrown) {
    const { message: reason } = toAppError(thrown);
    const [guid, name] = ["x-github-delivery", "x-github-event"].map(
      (header) => request.headers[header]?.slice(0, 64) ?? null,
    );
    // That it was refused is no reason to fail when it cannot be noted.
    await store
      .refuse({ guid: guid ?? null, name: name ?? null, bodyBytes: request.body.length, reason })
      .catch((error: unknown) => {
        log.warn({ err: error }, "a refused delivery could not be noted");
      });
    throw thrown;
  }
}

/** What a body may take is set aside before it arrives; one that does not say its length may take the most. */
function reserve(
  { bodyBytesMax, inFlightBytesMax }: WebhookOptions,
  budget: { bytes: number },
  length: number | undefined,
): number {
  const bytes = length ?? bodyBytesMax;
  if (bytes > bodyBytesMax) throw tooLarge(bodyBytesMax);
  if (budget.bytes + bytes > inFlightBytesMax)
    throw new AppError("unavailable", "too many bytes are on their way; send it again later");
  budget.bytes += bytes;
  return bytes;
}

async function readBody(request: NodeJS.ReadableStream, length: number | undefined, limit: number): Promise<Buffer> {
  try {
    return await rawBody(request, { limit, ...(length === undefined ? {} : { length }) });
  } catch (cause) {
    const { type } = cause as { type?: string }; // raw-body names its errors there
    if (type === "entity.too.large") throw tooLarge(limit);
    throw new AppError("invalid", "the body did not arrive whole", { cause });
  }
}

function tooLarge(limit: number): AppError {
  return new AppError("too_large", `the body is larger than ${limit} bytes (limits.body_bytes_max)`);
}

/** Each header once, as text; which of them are kept is the forge's to say. */
function toHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}
