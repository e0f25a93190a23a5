// What both listeners share: limits on connections, one place that turns errors into problem+json, and a clean close.
// Source: RFC 9457 (problem details), RFC 9110 (statuses).

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import Koa, { type Middleware } from "koa";
import { AppError, type ErrorCode, toAppError } from "../core/errors.ts";
import { logOf, type RequestLogOptions, requestLog } from "./request-log.ts";

const statuses: Readonly<Record<ErrorCode, number>> = {
  invalid: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  too_large: 413,
  unsupported: 415,
  misdirected: 421,
  build_failed: 422,
  rate_limited: 429,
  cancelled: 409,
  internal: 500,
  not_implemented: 501,
  unavailable: 503,
  timeout: 504,
};

const retryAfterSeconds = 5;
const closeMsMax = 1_000;

/** An app whose errors are answered as problems and logged in one place. */
export function createKoa(requests: RequestLogOptions): Koa {
  const app = new Koa();
  // What is left for Koa to report is a connection that broke: nobody is there to be answered.
  app.on("error", (error, ctx?: Context) =>
    (ctx?.state.log ?? requests.log).debug({ err: error }, "a connection broke"),
  );
  app.use(requestLog(requests));
  app.use(problems());
  return app;
}

/** Answers every thrown error; what is internal stays in the log. */
function problems(): Middleware {
  return async (ctx, next) => {
    try {
      checkTarget(ctx);
      await next();
      if (ctx.status === 404 && ctx.body === undefined)
        answer(ctx, 404, "not_found", `there is nothing at ${ctx.method} ${ctx.path}`);
      if (ctx.status === 405)
        answer(ctx, 405, "invalid", `${ctx.path} does not take ${ctx.method}; it takes ${ctx.response.get("allow")}`);
    } catch (thrown) {
      const error = toAppError(thrown);
      const status = statuses[error.code];
      const log = logOf(ctx);
      if (status >= 500) log.error({ err: thrown, code: error.code, path: ctx.path }, "request failed");
      else log.info({ code: error.code, path: ctx.path, detail: error.message }, "request refused");
      answerError(ctx, status, error);
    }
  };
}

type Context = Parameters<Middleware>[0];

/** Of `http://[` Koa's path is an error, and of `http://` it is null: it is asked once, here. */
function checkTarget(ctx: Context): void {
  try {
    if (typeof ctx.path === "string") return;
  } catch {
    // It is answered like the other.
  }
  ctx.req.url = "/";
  throw new AppError("invalid", "what the request asks for is neither a path nor a URL");
}

function answerError(ctx: Context, status: number, error: AppError): void {
  if (status === 401 && ctx.path.startsWith("/api/")) ctx.set("WWW-Authenticate", "Bearer");
  if (typeof error.details.retryAfterSeconds === "number")
    ctx.set("Retry-After", String(error.details.retryAfterSeconds));
  if (status === 503) ctx.set("Retry-After", String(retryAfterSeconds));
  // The rest of a body that is not wanted is not read: the connection ends with the answer.
  if (!ctx.req.complete) ctx.set("Connection", "close");
  answer(
    ctx,
    status,
    error.code,
    error.code === "internal" ? "something went wrong here; the server's log has it" : error.message,
  );
}

function answer(ctx: Context, status: number, code: ErrorCode, detail: string): void {
  ctx.status = status;
  ctx.body = JSON.stringify({ type: `/problems/${code}`, title: code.replaceAll("_", " "), status, detail });
  ctx.type = "application/problem+json";
}

export interface ListenOptions {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
}

export interface Listener {
  /** As bound: with the real port where 0 was asked for. */
  readonly url: string;
  close(): Promise<void>;
}

/** A request has 5 s for its headers and 10 s in all to arrive; an answer may take as long as it needs. */
export async function listen(app: Koa, { host, port, connectionsMax }: ListenOptions): Promise<Listener> {
  const timeouts = { headersTimeout: 5_000, requestTimeout: 10_000, connectionsCheckingInterval: 1_000 };
  const server = createServer({ ...timeouts, keepAliveTimeout: 5_000 }, app.callback());
  server.maxConnections = connectionsMax;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(host, port, cause)));
    server.listen(port, host, resolve);
  });
  const address = server.address() as AddressInfo; // a TCP server's address is an object
  const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return { url: `http://${name}:${address.port}`, close: () => close(server) };
}

function cannotListen(host: string, port: number, cause: NodeJS.ErrnoException): AppError {
  const why = cause.code === "EADDRINUSE" ? "something else listens there" : cause.message;
  return new AppError(
    "unavailable",
    `cannot listen on ${host}:${port}: ${why}; choose another address under "listen"`,
    { cause },
  );
}

/** Requests that are being answered have a moment to end; those who follow a log are let go after it. */
function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), closeMsMax);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
