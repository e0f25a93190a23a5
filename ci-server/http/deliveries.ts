// The ledger: GET /api/v1/deliveries, /api/v1/deliveries/<guid>, its body, and POST .../replay, also as a dry run.

import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import { searchedMax } from "../core/activity.ts";
import type { LedgerEntry } from "../core/delivery.ts";
import type { LedgerPage, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { deliveryListView, deliveryView, replayView } from "../core/views/delivery.ts";
import { shown } from "../core/views/json.ts";
import { dryRun, noDelivery, type ReplayParts, replay } from "../flows/replay-delivery.ts";
import { noteForAudit } from "./context.ts";
import { given, idBefore, line, nextOf, pageLimit, parseQuery, readJson, words } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const page = z.object({
  repository: words,
  verdict: given(z.enum(["build", "skip"])),
  event: words,
  q: words,
  before: idBefore,
  limit: pageLimit,
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
    const { entries, next } = asked.q === null ? await list(store, asked) : await search(store, asked);
    ctx.body = shown(deliveryListView, { deliveries: entries.map(toView), next });
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

async function list(store: Store, asked: LedgerPage) {
  const entries = await store.deliveries(asked);
  return { entries, next: nextOf(entries, asked.limit) };
}

/** Looks through so many entries; where it found too few in them for a page, the next one goes on from there. */
async function search(store: Store, asked: LedgerPage) {
  const [newest] = asked.before === null ? await store.deliveries({ ...everything, before: null, limit: 1 }) : [];
  const after = (asked.before ?? (newest?.id ?? 0) + 1) - searchedMax - 1;
  const { entries, next } = await list(store, { ...asked, after });
  return { entries, next: next ?? (after > 0 ? after + 1 : null) };
}

const everything = { repository: null, verdict: null };

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
    if (!isDry) noteForAudit(ctx, { action: "replay", target: guid, detail: { build: buildId } });
    ctx.body = shown(replayView, { delivery: guid, ...rest, build: buildId });
  };
}

function toView({ buildId, ...entry }: LedgerEntry) {
  return shown(deliveryView, { ...entry, build: buildId });
}

const deliveryPath = z.object({ guid: z.string().meta({ description: "The forge's id of the delivery." }) });

export const deliveryPaths: Paths = {
  "/api/v1/deliveries": {
    get: operation({
      summary: "What the forges have sent, newest first",
      role: "read",
      query: page,
      answers: { 200: { schema: deliveryListView } },
    }),
  },
  "/api/v1/deliveries/{guid}": {
    get: operation({
      summary: "A delivery with its headers, and what each rule said of it",
      role: "read",
      path: deliveryPath,
      answers: { 200: { schema: deliveryView } },
    }),
  },
  "/api/v1/deliveries/{guid}/body": {
    get: operation({
      summary: "The bytes of a delivery as they came",
      role: "read",
      path: deliveryPath,
      answers: { 200: { types: ["application/octet-stream"] } },
    }),
  },
  "/api/v1/deliveries/{guid}/replay": {
    post: operation({
      summary: "Decide again on a delivery, and build it again; with dry_run only decide",
      description: "A dry run takes changed repositories as JSON: as in mergedock.yml.",
      role: "admin",
      path: deliveryPath,
      query: replayQuery,
      answers: {
        200: { description: "Nothing is built", schema: replayView },
        202: { description: "Queued", schema: replayView },
      },
    }),
  },
};
