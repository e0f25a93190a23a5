// /api/v1/session: signing in with a token, who is signed in, signing out.

import Router from "@koa/router";
import { z } from "zod";
import { nobody } from "../core/accounts.ts";
import { AppError } from "../core/errors.ts";
import type { Accounts } from "../core/ports.ts";
import { sessionView } from "../core/views/access.ts";
import { shown } from "../core/views/json.ts";
import { hashOf, makeToken } from "./access-token.ts";
import { type Authentication, sessionCookie } from "./auth.ts";
import { askerOf, type Context } from "./context.ts";
import { parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";
import type { RateLimit } from "./rate-limit.ts";
import { refuseOtherSites } from "./same-origin.ts";

export interface SessionParts {
  readonly accounts: Accounts;
  readonly authentication: Authentication;
  readonly failedLogins: RateLimit;
  readonly sessionDaysMax: number;
  readonly sessionsPerTokenMax: number;
  readonly auditEntriesMax: number;
}

const place = "/api/v1/session";
const signIn = z.strictObject({ token: z.string().min(1).max(1_000) });

/** Before `authenticate`. */
export function signInRoutes(parts: SessionParts): Router {
  const router = new Router();
  router.post(place, async (ctx) => {
    refuseOtherSites(ctx);
    const { token } = await parseBody(signIn, ctx);
    const actor = await identify(parts, ctx, token);
    const session = makeToken("mds");
    const { accounts, sessionDaysMax: daysMax, sessionsPerTokenMax: sessionsMax, auditEntriesMax } = parts;
    const tokenHash = parts.authentication.atRest(hashOf(token));
    await accounts.startSession({ hash: session.hash, tokenHash, daysMax, sessionsMax });
    await accounts.record({ actor: actor.name, action: "login", target: ctx.ip, detail: {} }, auditEntriesMax);
    setCookie(ctx, session.token, daysMax * 24 * 3600);
    ctx.set("Cache-Control", "no-store");
    ctx.body = shown(sessionView, { name: actor.name, role: actor.role });
  });
  return router;
}

/** Counted before it is looked at: many at once are as many. */
async function identify(parts: SessionParts, ctx: Context, token: string) {
  await parts.failedLogins.take(ctx.ip);
  const actor = await parts.authentication.owner(hashOf(token));
  if (actor === null) {
    const entry = { actor: nobody, action: "login_failed", target: ctx.ip, detail: {} } as const;
    await parts.accounts.record(entry, parts.auditEntriesMax);
    throw new AppError("unauthorized", "nobody has this token, or it was revoked");
  }
  await parts.failedLogins.giveBack(ctx.ip);
  return actor;
}

/** Behind `authenticate`. */
export function sessionRoutes(accounts: Accounts): Router {
  const router = new Router();
  router.get(place, (ctx) => {
    const { name, role } = askerOf(ctx);
    ctx.body = shown(sessionView, { name, role });
  });
  router.delete(place, async (ctx) => {
    const cookie = ctx.cookies.get(sessionCookie);
    if (cookie !== undefined) await accounts.endSession(hashOf(cookie));
    setCookie(ctx, "", 0);
    ctx.status = 204;
  });
  return router;
}

/** Koa's own refuses `Secure` where the TLS ends at a proxy. */
function setCookie(ctx: Context, value: string, maxAgeSeconds: number): void {
  const isSecure = ctx.secure || ctx.get("x-forwarded-proto").split(",")[0]?.trim() === "https";
  const attributes = ["HttpOnly", "SameSite=Strict", "Path=/", `Max-Age=${maxAgeSeconds}`];
  ctx.append("Set-Cookie", [`${sessionCookie}=${value}`, ...attributes, ...(isSecure ? ["Secure"] : [])].join("; "));
}

export const sessionPaths: Paths = {
  [place]: {
    post: operation({
      summary: "Sign in with a token",
      description: "Sets the cookie mergedock_session, which stands for the token from then on.",
      role: null,
      body: signIn,
      answers: { 200: { schema: sessionView } },
    }),
    get: operation({ summary: "Who is signed in", role: "read", answers: { 200: { schema: sessionView } } }),
    delete: operation({ summary: "Sign out", role: "read", answers: { 204: { description: "Signed out" } } }),
  },
};
