// GET /metrics: the numbers of this process for Prometheus, for who bears a token, or for everybody where the operator says so.

import Router from "@koa/router";
import type { Middleware } from "koa";

export interface MetricsOptions {
  readonly isOpen: boolean;
  readonly page: { readonly contentType: string; text(): Promise<string> };
}

/** `authenticate`: lets those pass who bear a token of either role. */
export function metricsRoutes({ isOpen, page }: MetricsOptions, authenticate: Middleware): Router {
  const router = new Router();
  router.get("/metrics", isOpen ? (_ctx, next) => next() : authenticate, async (ctx) => {
    ctx.set("Content-Type", page.contentType);
    ctx.body = await page.text();
  });
  return router;
}
