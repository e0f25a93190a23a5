// Who was told of which build, and who could not be: GET /api/v1/notifications.

import Router from "@koa/router";
import { z } from "zod";
import { notificationStates } from "../core/ports/notifications.ts";
import type { NotificationEntry, NotificationStore } from "../core/ports.ts";
import { shown } from "../core/views/json.ts";
import { notificationListView } from "../core/views/notification.ts";
import { given, idBefore, pageLimit, parseQuery } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const page = z.object({ state: given(z.enum(notificationStates)), before: idBefore, limit: pageLimit });

export function notificationRoutes(store: Pick<NotificationStore, "list">): Router {
  const router = new Router({ prefix: "/api/v1/notifications" });
  router.get("/", async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const found = await store.list(asked);
    const oldest = found.length === asked.limit ? found.at(-1) : undefined;
    ctx.body = shown(notificationListView, { notifications: found.map(toView), next: oldest?.place ?? null });
  });
  return router;
}

/** What was told in full is the build's own page. */
function toView({ notice, place: _order, ...entry }: NotificationEntry) {
  const { about, occasion, build } = notice;
  return { ...entry, about, occasion, repository: build.repository, result: build.result };
}

export const notificationPaths: Paths = {
  "/api/v1/notifications": {
    get: operation({
      summary: "Who was told of which build, and who could not be, newest first",
      role: "read",
      query: page,
      answers: { 200: { schema: notificationListView } },
    }),
  },
};
