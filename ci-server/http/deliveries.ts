// The ledger: GET /api/v1/deliveries, /api/v1/deliveries/<guid>, its body, and POST .../replay, also as a dry run.

import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import type { LedgerEntry } from "../core/delivery.ts";
import type { Repository } from "../core/recipe.ts";
import { dryRun, noDelivery, type ReplayParts, replay } from "../flows/replay-delivery.ts";
import { line, parseQuery, readJson } from "./input.ts";

const page = z.object({
  repository: line.max(200).nullable().default(null),
  verdict: z.enum(["build", "skip"]).nullable().default(null),
  before: z.coerce.number().int().positive().nullable().default(null),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
const replayQuery = z.object({ dry_run: z.stringbool().default(false) });

export interface DeliveryOptions extends ReplayParts {
  /** Reads a changed list of repositories for a dry run. Throws `invalid` with every mistake. */
  readonly parseRepositories: (value: unknown) => readonly Repository[];
}

export function deliveryRoutes(options: DeliveryOptions): Router {
  const { store, ledgerLimits } = options;
  const router = new Router({ prefix: "/api/v1/deliveries" });
  // No delivery is called like that, and the database does not take every character.
  router.param("guid", (guid, _ctx, next) => {
    if (!line.safeParse(guid).success) throw noDelivery(guid, ledgerLimits);
    return next();
  });
  router.get("/", async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const entries = await store.deliveries(asked);
    ctx.body = {
      deliveries: entries.map(toView),
      next: entries.length === asked.limit ? (entries.at(-1)?.id ?? null) : null,
    };
  });
  router.get("/:guid", async (ctx) => {
    const entry = await store.delivery(ctx.params.guid ?? "");
    if (entry === null) throw noDelivery(ctx.params.guid ?? "", ledgerLimits);
    ctx.body = toView(entry);
  });
  router.get("/:guid/body", async (ctx) => {
    const body = await store.deliveryBody(ctx.params.guid ?? "");
    if (body === null) throw noDelivery(ctx.params.guid ?? "", ledgerLimits);
    // What somebody has sent is shown as nothing but bytes.
    ctx.set("X-Content-Type-Options", "nosniff");
    ctx.attachment("body");
    ctx.body = Buffer.from(body);
  });
  router.post("/:guid/replay", again(options));
  return router;
}

function again(options: DeliveryOptions): Middleware {
  return async (ctx) => {
    const guid = String(ctx.params.guid);
    const { dry_run: isDry } = parseQuery(replayQuery, ctx.query);
    const hasBody = (ctx.request.length ?? 0) > 0 || ctx.get("transfer-encoding") !== "";
    const changed = isDry && hasBody ? options.parseRepositories(await readJson(ctx)) : options.repositories;
    const parts = { ...options, repositories: changed };
    const { buildId, ...rest } = isDry ? await dryRun(parts, guid) : await replay(parts, guid);
    ctx.status = isDry || buildId === null ? 200 : 202;
    if (!isDry && buildId !== null) ctx.set("Location", `/api/v1/builds/${buildId}`);
    ctx.body = { delivery: guid, ...rest, build: buildId };
  };
}

function toView({ buildId, ...entry }: LedgerEntry): unknown {
  return { ...entry, build: buildId };
}
