// /api/v1/setup/github-app: begins the making of a GitHub App, and ends it with the code that GitHub led back with.

import Router from "@koa/router";
import { z } from "zod";
import { shown } from "../core/views/json.ts";
import { appBegunView, appHostsView, appMadeView } from "../core/views/system.ts";
import { type AppParts, beginApp, endApp } from "../flows/make-app.ts";
import { hashOf, makeToken } from "./access-token.ts";
import { requireAdmin, sessionCookie } from "./auth.ts";
import { type Context, noteForAudit } from "./context.ts";
import { line, parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const answerMsMax = 60_000;
const organization = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9-]{0,98})$/, "has to be an organization's name");
const beginRequest = z.strictObject({
  host: z.url({ protocol: /^https?$/ }),
  organization: organization.nullable().default(null),
});
const endRequest = z.strictObject({ code: line.max(200), state: line.max(200) });

export function setupAppRoutes(parts: AppParts): Router {
  const router = new Router({ prefix: "/api/v1/setup/github-app" });
  const within = () => AbortSignal.timeout(answerMsMax);
  router.get("/", requireAdmin(), (ctx) => {
    ctx.body = shown(appHostsView, { hosts: [...parts.hosts] });
  });
  router.post("/", requireAdmin(), async (ctx) => {
    const asked = await parseBody(beginRequest, ctx);
    const state = makeToken("mda");
    const begun = await beginApp(
      parts,
      { ...asked, origin: originOf(ctx), state, sessionHash: sessionOf(ctx) },
      within(),
    );
    noteForAudit(ctx, { action: "app_begun", target: asked.host, detail: { organization: asked.organization } });
    ctx.set("Cache-Control", "no-store");
    ctx.body = shown(appBegunView, begun);
  });
  router.post("/conversion", requireAdmin(), async (ctx) => {
    const { code, state } = await parseBody(endRequest, ctx);
    const made = await endApp(parts, { code, stateHash: hashOf(state), sessionHash: sessionOf(ctx) }, within());
    noteForAudit(ctx, { action: "app_made", target: made.slug, detail: { id: made.id } });
    ctx.set("Cache-Control", "no-store");
    ctx.body = shown(appMadeView, made);
  });
  return router;
}

/** As the browser has it; a proxy may end TLS. It was seen to be our own. */
function originOf(ctx: Context): string {
  return ctx.get("origin") || `${ctx.protocol}://${ctx.host}`;
}

/** Behind `authenticate` there is one of the two. */
function sessionOf(ctx: Context): Uint8Array {
  return hashOf(ctx.cookies.get(sessionCookie) ?? ctx.get("authorization"));
}

export const setupAppPaths: Paths = {
  "/api/v1/setup/github-app": {
    get: operation({
      summary: "Where a GitHub App can be made",
      role: "admin",
      answers: { 200: { schema: appHostsView } },
    }),
    post: operation({
      summary: "Begin to make a GitHub App: what the browser posts to GitHub, and where",
      description: "Belongs to the session that asked, for 15 minutes and for one App.",
      role: "admin",
      body: beginRequest,
      answers: { 200: { schema: appBegunView } },
    }),
  },
  "/api/v1/setup/github-app/conversion": {
    post: operation({
      summary: "Keep the App that GitHub has made: its key and its webhook's secret",
      description: "With the code and the state that GitHub led back with.",
      role: "admin",
      body: endRequest,
      answers: { 200: { schema: appMadeView } },
    }),
  },
};
