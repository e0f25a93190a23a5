// An id for every request: in its answer, in every line that is logged of it, and for those who count requests.

import { randomUUID } from "node:crypto";
import type { Middleware } from "koa";
import type { Logger } from "pino";
import type { AnsweredRequest, RequestObserver } from "../core/ports.ts";

/** What somebody else calls a request; anything else might be made to look like a line of the log. */
const saneId = /^[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}$/;

type Context = Parameters<Middleware>[0];

export interface RequestLogOptions {
  readonly log: Logger;
  readonly listener: AnsweredRequest["listener"];
  readonly observe: RequestObserver;
}

export function requestLog({ log, listener, observe }: RequestLogOptions): Middleware {
  return (ctx, next) => {
    const startedMs = performance.now();
    const given = ctx.get("x-request-id");
    const requestId = saneId.test(given) ? given : randomUUID();
    const own = log.child({ requestId });
    ctx.state.log = own;
    ctx.set("X-Request-Id", requestId);
    ctx.res.once("close", () => {
      const { method, status } = ctx;
      const ms = performance.now() - startedMs;
      const route = routeOf(ctx);
      observe({ listener, method, route, status, ms });
      own.debug({ listener, method, route, status, ms: Math.round(ms) }, "request answered");
    });
    return next();
  };
}

/** The log of this request. */
export function logOf(ctx: Context): Logger {
  return ctx.state.log as Logger; // requestLog comes first and sets it
}

/** A path is whatever somebody asks for; there are only so many patterns. */
function routeOf(ctx: Context): string | null {
  const route: unknown = ctx._matchedRoute;
  return typeof route === "string" ? route : null;
}
