// The listener for forges: raw bytes in, a decision out. Nothing else is served here, since this is what a tunnel exposes.

import Router from "@koa/router";
import type Koa from "koa";
import type { Middleware } from "koa";
import type { Logger } from "pino";
import { cleanText } from "../core/clean-text.ts";
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
  /** True once the server stops: it takes nothing new, and the forge sends it again. */
  readonly isDraining: () => boolean;
  /** Of all bodies that are here and not answered yet. */
  readonly inFlightBytesMax: number;
  readonly log: Logger;
}

/** Bytes of bodies that are here and not answered yet. */
interface Budget {
  bytes: number;
}

type Context = Parameters<Middleware>[0];

export function createWebhookApp(options: WebhookOptions): Koa {
  const router = new Router();
  const budget: Budget = { bytes: 0 };
  for (const forge of options.forges) router.post(`/webhooks/${forge.name}`, receive(options, forge, budget));
  const app = createKoa(options.log);
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function receive(options: WebhookOptions, forge: Forge, budget: Budget): Middleware {
  return async (ctx) => {
    if (options.isDraining()) throw new AppError("unavailable", "the server is stopping; send it again in a moment");
    if (ctx.get("content-encoding") !== "")
      throw new AppError("unsupported", "a compressed body is not taken; send it as it is");
    const { body, bytes } = await readBody(options, budget, ctx);
    try {
      const delivery = verify(options, forge, { headers: toHeaders(ctx.headers), body });
      const { store, repositories } = options;
      const { guid, verdict, reason, buildId } = await acceptDelivery({ store, repositories }, delivery);
      options.log.info({ delivery: guid, event: delivery.name, verdict, reason, buildId }, "delivery stored");
      if (delivery.event.kind === "unreadable") throw new AppError(delivery.event.code, delivery.event.problem);
      ctx.status = delivery.event.kind === "ping" ? 200 : 202;
      ctx.body = { delivery: guid, verdict, reason, build: buildId };
    } finally {
      budget.bytes -= bytes;
    }
  };
}

/** A refusal is noted, and the answer does not wait for that: whoever is refused must not keep the database busy. */
function verify({ store, log }: WebhookOptions, forge: Forge, request: ForgeRequest): Delivery {
  try {
    return forge.receive(request);
  } catch (thrown) {
    const { message: reason } = toAppError(thrown);
    const [guid = null, name = null] = ["x-github-delivery", "x-github-event"].map((header) =>
      cleanText(request.headers[header] ?? "").slice(0, 64),
    );
    store.refuse({ guid, name, bodyBytes: request.body.length, reason }).catch((error: unknown) => {
      log.warn({ err: error }, "a refused delivery could not be noted");
    });
    throw thrown;
  }
}

/** Bytes count from when they arrive until their request is answered: who only announces them takes nothing from others. */
async function readBody(
  options: WebhookOptions,
  budget: Budget,
  ctx: Context,
): Promise<{ body: Buffer; bytes: number }> {
  const { bodyBytesMax, inFlightBytesMax } = options;
  if ((ctx.request.length ?? 0) > bodyBytesMax) throw tooLarge(bodyBytesMax);
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of ctx.req as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      budget.bytes += chunk.length;
      if (bytes > bodyBytesMax) throw tooLarge(bodyBytesMax);
      if (budget.bytes > inFlightBytesMax)
        throw new AppError("unavailable", "too many bytes are on their way; send it again later");
      chunks.push(chunk);
    }
    return { body: Buffer.concat(chunks), bytes };
  } catch (cause) {
    budget.bytes -= bytes;
    throw cause instanceof AppError ? cause : new AppError("invalid", "the body did not arrive whole", { cause });
  }
}

function tooLarge(limit: number): AppError {
  return new AppError("too_large", `the body is larger than ${limit} bytes (limits.body_bytes_max)`);
}

/** Each header once, as text; which of them are kept is the forge's to say. */
function toHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}
