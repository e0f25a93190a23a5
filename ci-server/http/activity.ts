// GET /api/v1/activity: what came in and what became of it, newest first.

import Router from "@koa/router";
import { z } from "zod";
import { type ActivityItem, searchedMax, titleOf } from "../core/activity.ts";
import { results } from "../core/build.ts";
import type { Activity } from "../core/ports.ts";
import { activityItemView, activityListView } from "../core/views/delivery.ts";
import { shown } from "../core/views/json.ts";
import { toBuildEntry } from "./build-view.ts";
import { given, line, pageLimit, parseQuery, words } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const page = z.object({
  repository: words,
  verdict: given(z.enum(["build", "skip"])),
  result: given(z.enum(results)),
  q: words,
  before: given(line.max(100)),
  limit: pageLimit,
});

export function activityRoutes(activity: Activity): Router {
  const router = new Router();
  router.get("/api/v1/activity", async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const { items, next } = await activity.page(asked);
    ctx.body = shown(activityListView, { items: items.map(toActivityItem), next });
  });
  return router;
}

/** As lists and events have it. */
export function toActivityItem(item: ActivityItem) {
  const { id, at, delivery, build, medianMs } = item;
  return shown(activityItemView, {
    ...{ id, at, kind: delivery === null ? ("build" as const) : ("delivery" as const) },
    delivery: delivery === null ? null : pick(delivery),
    build: build === null ? null : toBuildEntry(build),
    repository: build?.repository ?? delivery?.repository ?? null,
    title: titleOf(item),
    medianMs,
  });
}

function pick({ guid, event, action, verdict, reason }: NonNullable<ActivityItem["delivery"]>) {
  return { guid, event, action, verdict, reason };
}

export const activityPaths: Paths = {
  "/api/v1/activity": {
    get: operation({
      summary: "What came in and what became of it, newest first",
      description: `Each delivery with the build that was made of it, and each build that no delivery led to. A search (q) looks through ${searchedMax} entries at once: next goes on also where it found nothing.`,
      role: "read",
      query: page,
      answers: { 200: { schema: activityListView } },
    }),
  },
};
