// What goes on, as server-sent events: GET /api/v1/builds/<id>/events and GET /api/v1/events.

import Router from "@koa/router";
import { z } from "zod";
import type { Build } from "../core/build.ts";
import type { Activity, ActivityChanges, Clock } from "../core/ports.ts";
import { LiveActivity, type ShownItem } from "../flows/live-activity.ts";
import { LiveLogs } from "../flows/live-logs.ts";
import { toActivityItem } from "./activity.ts";
import { type BuildParts, buildPath, find, toPage } from "./builds.ts";
import type { Context } from "./context.ts";
import { parseQuery, words } from "./input.ts";
import { operation, type Paths } from "./operation.ts";
import { encode, type Viewers } from "./sse.ts";

/** The same for all that is shown. */
export interface LiveParts {
  readonly clock: Clock;
  readonly viewers: Viewers;
  readonly activityChanges: ActivityChanges;
}

export interface LiveOptions extends LiveParts, BuildParts {
  readonly activity: Activity;
  /** Whether who asked may still look on. */
  readonly knows: (ctx: Context) => Promise<boolean>;
}

const logId = z.string().regex(/^l\d{1,15}$/, "has to be one that this stream has sent, such as l200");
const logHeaders = z.object({ "last-event-id": logId.optional() });
const logQuery = z.object({ after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0) });
const activityHeaders = z.object({ "last-event-id": z.string().max(10_000).optional() });
const activityQuery = z.object({ repository: words });

export function liveRoutes(options: LiveOptions): Router {
  const { store, clock, viewers, activity, activityChanges: changes, knows } = options;
  const show = async (build: Build) => JSON.stringify(await toPage(options, build));
  const logs = new LiveLogs({ store, clock, show, encode });
  const list = new LiveActivity({ changes, clock, show: (ids) => showItems(activity, ids), encode });
  const router = new Router({ prefix: "/api/v1" });
  router.get("/builds/:id/events", async (ctx) => {
    const { after } = parseQuery(logQuery, ctx.query);
    const { "last-event-id": last } = parseQuery(logHeaders, ctx.headers);
    const { id } = await find(store, ctx.params.id);
    // Where it broke off counts, and not where it began: a browser asks for the same URL again.
    const seq = last === undefined ? after : Number(last.slice(1));
    await viewers.show(ctx, { open: (gone) => logs.of(id, gone).from(seq), isWelcome: () => knows(ctx) });
  });
  router.get("/events", async (ctx) => {
    const { repository } = parseQuery(activityQuery, ctx.query);
    const { "last-event-id": position = null } = parseQuery(activityHeaders, ctx.headers);
    const open = (gone: AbortSignal) => list.view({ repository, position }, gone);
    await viewers.show(ctx, { open, isWelcome: () => knows(ctx) });
  });
  return router;
}

/** In the order in which they changed. */
async function showItems(activity: Activity, ids: readonly string[]): Promise<ShownItem[]> {
  const items = new Map((await activity.items(ids)).map((item) => [item.id, toActivityItem(item)]));
  return ids.flatMap((id) => {
    const item = items.get(id);
    return item === undefined ? [] : [{ repository: item.repository, data: JSON.stringify(item) }];
  });
}

const types = ["text/event-stream"];

export const livePaths: Paths = {
  "/api/v1/builds/{id}/events": {
    get: operation({
      summary: "A build as it goes on",
      description:
        "Events log (a JSON array of at most 200 LogLine; the id says where to go on), build (a BuildPage without changedFiles, whenever it has changed) and end ({ result }), after which the answer ends.",
      role: "read",
      path: buildPath,
      query: logQuery,
      headers: logHeaders,
      answers: { 200: { types } },
    }),
  },
  "/api/v1/events": {
    get: operation({
      summary: "The activity as it changes",
      description:
        "Events activity (an item of the activity, new or changed; the id says where to go on) and reset (too much has changed since: load the list again). Look on first and load the list then, so that nothing is missed.",
      role: "read",
      query: activityQuery,
      headers: activityHeaders,
      answers: { 200: { types } },
    }),
  },
};
