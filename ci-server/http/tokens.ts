// /api/v1/tokens: tokens by name; made, listed, revoked.

import Router from "@koa/router";
import { z } from "zod";
import { accessRoles, tokenName } from "../core/accounts.ts";
import type { Accounts } from "../core/ports.ts";
import { newTokenView, tokenListView } from "../core/views/access.ts";
import { shown } from "../core/views/json.ts";
import { makeToken } from "./access-token.ts";
import { requireAdmin } from "./auth.ts";
import { askerOf, noteForAudit } from "./context.ts";
import { line, parseBody } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

export interface TokenParts {
  readonly accounts: Accounts;
  readonly tokensMax: number;
}

const newToken = z.strictObject({ name: tokenName, role: z.enum(accessRoles) });

export function tokenRoutes({ accounts, tokensMax }: TokenParts): Router {
  const router = new Router({ prefix: "/api/v1/tokens" });
  // At each route: what a router uses, it uses for paths in exactly these letters, while it takes them in any case.
  router.get("/", requireAdmin(), async (ctx) => {
    ctx.body = shown(tokenListView, { tokens: await accounts.tokens() });
  });
  router.post("/", requireAdmin(), async (ctx) => {
    const { name, role } = await parseBody(newToken, ctx);
    const { token, hash, prefix } = makeToken("md");
    await accounts.createToken({ name, role, hash, prefix, createdBy: askerOf(ctx).name }, tokensMax);
    noteForAudit(ctx, { action: "token_made", target: name, detail: { role } });
    ctx.set("Cache-Control", "no-store");
    ctx.status = 201;
    ctx.body = shown(newTokenView, { name, role, token });
  });
  router.delete("/:name", requireAdmin(), async (ctx) => {
    const name = ctx.params.name ?? "";
    await accounts.revokeToken(line.safeParse(name).success ? name : "");
    noteForAudit(ctx, { action: "token_revoked", target: name, detail: {} });
    ctx.status = 204;
  });
  return router;
}

export const tokenPaths: Paths = {
  "/api/v1/tokens": {
    get: operation({
      summary: "Tokens that were made here",
      role: "admin",
      answers: { 200: { schema: tokenListView } },
    }),
    post: operation({
      summary: "Make a token",
      role: "admin",
      body: newToken,
      answers: { 201: { schema: newTokenView } },
    }),
  },
  "/api/v1/tokens/{name}": {
    delete: operation({
      summary: "Revoke a token",
      description: "Its sessions end at once.",
      role: "admin",
      path: z.object({ name: z.string() }),
      answers: { 204: { description: "Revoked" } },
    }),
  },
};
