// GET /metrics: the numbers of this process for Prometheus, for who bears a token, or for everybody where the operator says so.

import Router from "@koa/router";
import type { Middleware } from "koa";
import { AppError } from "../core/errors.ts";
import { requireToken } from "./auth.ts";

export interface MetricsOptions {
  readonly isOpen: boolean;
  /** Null: of a process that knows no token. */
  readonly token: string | null;
  readonly page: { readonly contentType: string; text(): Promise<string> };
}

export function metricsRoutes({ isOpen, token, page }: MetricsOptions): Router {
  const router = new Router();
  router.get("/metrics", guard(isOpen, token), async (ctx) => {
    ctx.set("Content-Type", page.contentType);
    ctx.body = await page.text();
  });
  return router;
}

function guard(isOpen: boolean, token: string | null): Middleware {
  if (isOpen) return (_ctx, next) => next();
  if (token !== null) return requireToken(token);
  return () => {
    const help = "give it one (MERGEDOCK_ADMIN_TOKEN_FILE), or open its metrics to everybody (metrics.open: true)";
    throw new AppError("forbidden", `this process knows no token: ${help}`);
  };
}
