// Builds and their logs: GET /api/v1/builds, /api/v1/builds/<id>, its /log, POST its /cancel.

import { Readable } from "node:stream";
import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import { type Build, buildStates, type LogLine, results, triggers } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import type { Catalogue, ReportStore, Store } from "../core/ports.ts";
import { buildListView, buildPageView, plannedBuildView } from "../core/views/build.ts";
import { shown } from "../core/views/json.ts";
import { followLog } from "../flows/follow-log.ts";
import { stageOf, toBuildEntry, toPlannedBuild } from "./build-view.ts";
import { type Context, noteForAudit } from "./context.ts";
import { given, idBefore, nextOf, pageLimit, parseQuery, words } from "./input.ts";
import { operation, type Paths } from "./operation.ts";
import { toBuildReport } from "./reports.ts";
import type { Viewers } from "./sse.ts";

const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const page = z.object({
  repository: words,
  result: given(z.enum(results)),
  trigger: given(z.enum(triggers)),
  service: words,
  state: given(z.enum(buildStates)),
  before: idBefore,
  limit: pageLimit,
});
const logQuery = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  follow: z.stringbool().default(false),
  format: z.enum(["text", "json"]).optional(),
});

export const buildPath = z.object({ id: z.string().meta({ description: "Of a build." }) });

/** One JSON object a line: github.com/ndjson/ndjson-spec. */
const jsonLines = "application/x-ndjson";

export interface BuildParts {
  readonly store: Store;
  readonly catalogue: Catalogue;
  readonly reports: Pick<ReportStore, "ofBuild">;
}

export interface BuildOptions extends BuildParts {
  readonly viewers: Pick<Viewers, "watch">;
  /** Whether who asked may still look on. */
  readonly knows: (ctx: Context) => Promise<boolean>;
}

export function buildRoutes(parts: BuildOptions): Router {
  const { store } = parts;
  const router = new Router({ prefix: "/api/v1/builds" });
  router.get("/", list(store));
  router.get("/:id", show(parts));
  router.get("/:id/log", log(parts));
  router.post("/:id/cancel", async (ctx) => {
    const { id: buildId, repository } = await find(store, ctx.params.id);
    await store.cancel(buildId, "cancelled by hand");
    noteForAudit(ctx, { action: "cancel", target: `build ${buildId}`, detail: { repository } });
    ctx.status = 202;
    ctx.body = toPlannedBuild(await find(store, String(buildId)));
  });
  return router;
}

function list(store: Store): Middleware {
  return async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const builds = await store.builds(asked);
    ctx.body = shown(buildListView, { builds: builds.map(toBuildEntry), next: nextOf(builds, asked.limit) });
  };
}

function show(parts: BuildParts): Middleware {
  const { store } = parts;
  return async (ctx) => {
    const build = await find(store, ctx.params.id);
    // Here only: a list of builds would be long with them.
    const changing = build.merge === null ? null : store.changedFiles(build.id);
    const [changed, page] = await Promise.all([changing, toPage(parts, build)]);
    ctx.body = shown(buildPageView, { ...page, changedFiles: changed?.files ?? null });
  };
}

/** A build's own page, without its files. */
export async function toPage({ store, catalogue, reports: told }: BuildParts, build: Build) {
  const [steps, history, reports, medianMs, queuedAhead] = await Promise.all([
    store.steps(build.id),
    store.attempts(build.id),
    told.ofBuild(build.id),
    catalogue.medianMs(build.repository),
    stageOf(build) === "queued" ? catalogue.aheadOf(build.id) : null,
  ]);
  return { ...toPlannedBuild(build), reports: reports.map(toBuildReport), history, steps, medianMs, queuedAhead };
}

function log({ store, viewers, knows }: BuildOptions): Middleware {
  return async (ctx) => {
    const { after: afterSeq, follow, format } = parseQuery(logQuery, ctx.query);
    const isJson = format === "json" || (format === undefined && ctx.accepts("text/plain", jsonLines) === jsonLines);
    const build = await find(store, ctx.params.id);
    if (build.logRemovedAt !== null) {
      ctx.body = `the log of build ${build.id} was removed for its age on ${build.logRemovedAt.toISOString()} (limits.log_days_max)\n`;
      return;
    }
    if (ctx.res.closed) return;
    const gone = new AbortController();
    ctx.res.once("close", () => gone.abort());
    if (follow) viewers.watch(gone, () => knows(ctx));
    ctx.status = 200;
    ctx.type = isJson ? jsonLines : "text/plain; charset=utf-8";
    ctx.vary("Accept");
    ctx.set("X-Content-Type-Options", "nosniff");
    // Headers that are set behind this are too late.
    ctx.set("Cache-Control", "no-store");
    ctx.flushHeaders();
    const lines = followLog(store, { buildId: build.id, afterSeq, follow, signal: gone.signal });
    ctx.body = Readable.from(toBody(lines, isJson ? toJson : toText));
  };
}

async function* toBody(lines: AsyncIterable<LogLine>, toLine: (line: LogLine) => string): AsyncGenerator<string> {
  for await (const line of lines) yield `${toLine(line)}\n`;
}

/** The line with the number n is the nth one, so that a reader knows by counting where to go on. */
function toText({ stage, text }: LogLine): string {
  return `${stage.padEnd(6)} ${text}`;
}

function toJson({ seq, at, stage, service, step, stream, text }: LogLine): string {
  return JSON.stringify({ seq, at, stage, service, step, stream, text });
}

/** Throws `not_found`. */
export async function find(store: Store, text: string | undefined): Promise<Build> {
  const parsed = id.safeParse(text);
  const build = parsed.success ? await store.build(parsed.data) : null;
  if (build === null)
    throw new AppError("not_found", `there is no build ${text}; the list of builds has those that there are`);
  return build;
}

export const buildPaths: Paths = {
  "/api/v1/builds": {
    get: operation({
      summary: "Builds, newest first",
      role: "read",
      query: page,
      answers: { 200: { schema: buildListView } },
    }),
  },
  "/api/v1/builds/{id}": {
    get: operation({
      summary: "A build with its attempts and steps",
      role: "read",
      path: buildPath,
      answers: { 200: { schema: buildPageView } },
    }),
  },
  "/api/v1/builds/{id}/log": {
    get: operation({
      summary: "The log of a build, from a line on and while it grows",
      description: "As text, or with format=json or Accept: application/x-ndjson one object a line (LogLine).",
      role: "read",
      path: buildPath,
      query: logQuery,
      answers: { 200: { types: ["text/plain", jsonLines] } },
    }),
  },
  "/api/v1/builds/{id}/cancel": {
    post: operation({
      summary: "Cancel a build",
      role: "admin",
      path: buildPath,
      answers: { 202: { description: "It ends soon", schema: plannedBuildView } },
    }),
  },
};
