// A browser sends the cookie of a session with whatever asks it to: what changes something has to come from our own pages.
// Source: OWASP, "Cross-Site Request Forgery Prevention", Fetch Metadata and Origin.

import type { Middleware } from "koa";
import { AppError } from "../core/errors.ts";
import { askerOf, type Context } from "./context.ts";

const safeMethods = ["GET", "HEAD", "OPTIONS"];

export function isSafe(ctx: Context): boolean {
  return safeMethods.includes(ctx.method);
}

/** Behind `authenticate`: with a token nobody but its owner can ask. */
export function requireSameOrigin(): Middleware {
  return (ctx, next) => {
    if (isSafe(ctx) || !askerOf(ctx).byCookie) return next();
    if (!comesFromHere(ctx))
      throw new AppError("forbidden", "a request with the cookie of a session has to come from the server's own pages");
    const hasBody =
      ctx.get("content-type") !== "" || ctx.get("transfer-encoding") !== "" || (ctx.request.length ?? 0) > 0;
    if (hasBody && ctx.request.type !== "application/json")
      throw new AppError("forbidden", "a request with the cookie of a session has to be JSON (application/json)");
    return next();
  };
}

/** For signing in, before there is a cookie: another site's page may not do it, a program may. */
export function refuseOtherSites(ctx: Context): void {
  const says = ["sec-fetch-site", "origin"].some((header) => ctx.get(header) !== "");
  if (says && !comesFromHere(ctx)) throw new AppError("forbidden", "sign in from the server's own pages");
}

/** Of two headers that a page cannot set; a browser that sends the first one is believed. */
function comesFromHere(ctx: Context): boolean {
  const site = ctx.get("sec-fetch-site");
  if (site !== "" && site !== "same-origin") return false;
  const origin = ctx.get("origin");
  if (origin === "") return site === "same-origin";
  const url = URL.parse(origin);
  // Behind a proxy that ends TLS the scheme of the two differs: the host is what counts.
  return url !== null && URL.parse(`${url.protocol}//${ctx.get("host")}`)?.host === url.host;
}
