// Pages that have not changed are not sent again. Source: RFC 9110, "Conditional Requests".

import { createHash } from "node:crypto";
import { Stream } from "node:stream";
import type { Middleware } from "koa";

/** Of what is answered as a whole; logs and events are not. */
export function entityTags(): Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.status !== 200 || (ctx.method !== "GET" && ctx.method !== "HEAD")) return;
    // Koa answers undefined for a header that is not set.
    const caching = ctx.response.get("cache-control") || "private, no-cache";
    ctx.set("Cache-Control", caching);
    const { body } = ctx;
    if (body === null || body === undefined || body instanceof Stream || caching.includes("no-store")) return;
    const bytes = typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    ctx.etag = `W/"${createHash("sha256").update(bytes).digest("base64url").slice(0, 27)}"`;
    if (ctx.fresh) {
      ctx.status = 304;
      ctx.body = null;
    }
  };
}
