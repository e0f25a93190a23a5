// What forges were told of builds, and what they could not be told: GET /api/v1/reports.

import Router from "@koa/router";
import { z } from "zod";
import type { ReportEntry, ReportStore } from "../core/ports.ts";
import { reportStates } from "../core/report/report.ts";
import { shown } from "../core/views/json.ts";
import { reportListView } from "../core/views/report.ts";
import { given, idBefore, pageLimit, parseQuery } from "./input.ts";
import { operation, type Paths } from "./operation.ts";

const page = z.object({ state: given(z.enum(reportStates)), before: idBefore, limit: pageLimit });

export function reportRoutes(store: Pick<ReportStore, "list">): Router {
  const router = new Router({ prefix: "/api/v1/reports" });
  router.get("/", async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const found = await store.list(asked);
    const oldest = found.length === asked.limit ? found.at(-1) : undefined;
    ctx.body = shown(reportListView, { reports: found.map(toView), next: oldest?.place ?? null });
  });
  return router;
}

function toView({ place: _order, ...report }: ReportEntry) {
  return report;
}

/** On the page of its build. */
export function toBuildReport({ place: _order, buildId: _id, repository: _name, ...report }: ReportEntry) {
  return report;
}

export const reportPaths: Paths = {
  "/api/v1/reports": {
    get: operation({
      summary: "What forges were told of builds, and what they could not be told, newest first",
      role: "read",
      query: page,
      answers: { 200: { schema: reportListView } },
    }),
  },
};
