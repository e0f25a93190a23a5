// Who was told of which build, and who could not be: GET /api/v1/notifications.

import Router from "@koa/router";
import { z } from "zod";
import { notificationStates } from "../core/ports/notifications.ts";
import type { NotificationEntry, NotificationStore } from "../core/ports.ts";
import { parseQuery } from "./input.ts";

const page = z.object({
  state: z.enum(notificationStates).nullable().default(null),
  before: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).nullable().default(null),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});

export function notificationRoutes(store: Pick<NotificationStore, "list">): Router {
  const router = new Router({ prefix: "/api/v1/notifications" });
  router.get("/", async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const found = await store.list(asked);
    const oldest = found.length === asked.limit ? found.at(-1) : undefined;
    ctx.body = { notifications: found.map(toView), next: oldest?.place ?? null };
  });
  return router;
}

/** What was told in full is the build's own page. */
function toView({ notice, place: _order, ...entry }: NotificationEntry): object {
  const { about, occasion, build } = notice;
  return { ...entry, about, occasion, repository: build.repository, result: build.result };
}
