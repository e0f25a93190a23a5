// The listener for forges: raw bytes in, a decision out. Nothing else is served here, since this is what a tunnel exposes.

import Router from "@koa/router";
import type Koa from "koa";
import type { Middleware } from "koa";
import type { Logger } from "pino";
import { cleanText } from "../core/clean-text.ts";
import type { Delivery } from "../core/delivery.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { DeliveryObserver, DeliveryWatch, Forge, ForgeRequest, RequestObserver, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { acceptDelivery } from "../flows/accept-delivery.ts";
import { type Body, type BodyLimits, type Budget, readBody } from "./body.ts";
import { logOf } from "./request-log.ts";
import { createKoa } from "./server.ts";

export interface WebhookOptions extends BodyLimits {
  readonly forges: readonly Forge[];
  readonly store: Store;
  readonly repositories: readonly Repository[];
  /** True once the server stops: it takes nothing new, and the forge sends it again. */
  readonly isDraining: () => boolean;
  /** Asks whether there are secrets that this process does not know yet; throws `unavailable`. */
  readonly refreshSecrets: () => Promise<boolean>;
  readonly log: Logger;
  readonly observe: RequestObserver;
  readonly deliveries: DeliveryObserver;
}

type Context = Parameters<Middleware>[0];

export function createWebhookApp(options: WebhookOptions): Koa {
  const router = new Router();
  const budget: Budget = { bytes: 0 };
  for (const forge of options.forges) router.post(`/webhooks/${forge.name}`, receive(options, forge, budget));
  const app = createKoa({ log: options.log, listener: "webhooks", observe: options.observe });
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function receive(options: WebhookOptions, forge: Forge, budget: Budget): Middleware {
  return async (ctx) => {
    if (options.isDraining()) throw new AppError("unavailable", "the server is stopping; send it again in a moment");
    if (ctx.get("content-encoding") !== "")
      throw new AppError("unsupported", "a compressed body is not taken; send it as it is");
    const watch = options.deliveries.received();
    const body = await readBody(ctx.req, ctx.request.length, options, budget);
    watch.ended("receive");
    const { length } = body.bytes;
    try {
      const delivery = await verify(options, forge, ctx, { body, watch });
      const accepted = await acceptDelivery(options, delivery, watch.traceparent);
      const { guid, verdict, reason, buildId } = accepted;
      watch.ended("store");
      watch.stored({ ...accepted, forge: forge.name, name: delivery.name, repository: delivery.event.repository });
      logOf(ctx).info({ delivery: guid, event: delivery.name, verdict, reason, buildId }, "delivery stored");
      if (delivery.event.kind === "unreadable") throw new AppError(delivery.event.code, delivery.event.problem);
      ctx.status = delivery.event.kind === "ping" ? 200 : 202;
      ctx.body = { delivery: guid, verdict, reason, build: buildId };
    } finally {
      budget.bytes -= length;
    }
  };
}

interface Arrived {
  readonly body: Body;
  readonly watch: DeliveryWatch;
}

/** A refusal is noted, and the answer does not wait for that: whoever is refused must not keep the database busy. */
async function verify(
  options: WebhookOptions,
  forge: Forge,
  ctx: Context,
  { body, watch }: Arrived,
): Promise<Delivery> {
  const request: ForgeRequest = { headers: toHeaders(ctx.headers), body: body.bytes };
  try {
    const delivery = await receiveSigned(options, forge, request);
    watch.ended("verify");
    return delivery;
  } catch (thrown) {
    watch.refused(forge.name);
    const { message: reason } = toAppError(thrown);
    const [guid = null, name = null] = ["x-github-delivery", "x-github-event"].map((header) =>
      cleanText(request.headers[header] ?? "").slice(0, 64),
    );
    options.store.refuse({ guid, name, bodyBytes: request.body.length, reason }).catch((error: unknown) => {
      logOf(ctx).warn({ err: error }, "a refused delivery could not be noted");
    });
    body.free();
    throw thrown;
  }
}

/** By a secret that was made elsewhere just now, too: nobody is refused before this process knows all. */
async function receiveSigned({ refreshSecrets }: WebhookOptions, forge: Forge, request: ForgeRequest) {
  try {
    return forge.receive(request);
  } catch (thrown) {
    if (toAppError(thrown).code !== "unauthorized" || !(await refreshSecrets())) throw thrown;
    return forge.receive(request);
  }
}

/** Each header once, as text; which of them are kept is the forge's to say. */
function toHeaders(headers: NodeJS.Dict<string | string[]>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat()[0]]));
}
