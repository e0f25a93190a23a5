// GET /api/v1/audit: who has asked for what. And the writing of it, once a request has ended.

import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import type { Accounts } from "../core/ports.ts";
import { auditListView } from "../core/views/access.ts";
import { shown } from "../core/views/json.ts";
import { requireAdmin } from "./auth.ts";
import { askerOf, auditNoteOf } from "./context.ts";
import { idBefore, nextOf, pageLimit, parseQuery } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

export interface AuditParts {
  readonly accounts: Accounts;
  readonly auditEntriesMax: number;
}

/**
 * An answer without its entry is none: where the entry cannot be written, the request fails. What was noted before a request failed
 * is written too: a part of it may be done.
 */
export function auditing({ accounts, auditEntriesMax }: AuditParts): Middleware {
  return async (ctx, next) => {
    const record = async () => {
      const note = auditNoteOf(ctx);
      if (note !== undefined) await accounts.record({ ...note, actor: askerOf(ctx).name }, auditEntriesMax);
    };
    await next().catch(async (thrown: unknown) => {
      await record();
      throw thrown;
    });
    if (ctx.status < 400) await record();
  };
}

const page = z.object({ before: idBefore, limit: pageLimit });

export function auditRoutes({ accounts }: AuditParts): Router {
  const router = new Router();
  router.get("/api/v1/audit", requireAdmin(), async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const entries = await accounts.audit(asked);
    ctx.body = shown(auditListView, { entries, next: nextOf(entries, asked.limit) });
  });
  return router;
}

export const auditPaths: Paths = {
  "/api/v1/audit": {
    get: operation({
      summary: "Who has asked for what, newest first",
      role: "admin",
      query: page,
      answers: { 200: { schema: auditListView } },
    }),
  },
};
