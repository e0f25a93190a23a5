// Builds and their logs: GET /api/v1/builds, /api/v1/builds/<id>, its /log, POST its /cancel.

import { Readable } from "node:stream";
import Router from "@koa/router";
import type { Middleware } from "koa";
import { z } from "zod";
import type { Build, LogLine } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import type { Store } from "../core/ports.ts";
import { followLog } from "../flows/follow-log.ts";
import { line, parseQuery } from "./input.ts";

const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
const page = z.object({
  repository: line.max(200).nullable().default(null),
  before: id.nullable().default(null),
  limit: z.coerce.number().int().min(1).max(100).default(50),
});
const logQuery = z.object({
  after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).default(0),
  follow: z.stringbool().default(false),
  format: z.enum(["text", "json"]).optional(),
});

/** One JSON object a line: github.com/ndjson/ndjson-spec. */
const jsonLines = "application/x-ndjson";

export function buildRoutes(store: Store): Router {
  const router = new Router({ prefix: "/api/v1/builds" });
  router.get("/", list(store));
  router.get("/:id", show(store));
  router.get("/:id/log", log(store));
  router.post("/:id/cancel", async (ctx) => {
    const { id: buildId } = await find(store, ctx.params.id);
    await store.cancel(buildId, "cancelled by hand");
    ctx.status = 202;
    ctx.body = toView(await find(store, String(buildId)));
  });
  return router;
}

function list(store: Store): Middleware {
  return async (ctx) => {
    const asked = parseQuery(page, ctx.query);
    const builds = await store.builds(asked);
    const oldest = builds.length === asked.limit ? builds.at(-1) : undefined;
    ctx.body = { builds: builds.map(toEntry), next: oldest === undefined ? null : oldest.id };
  };
}

function show(store: Store): Middleware {
  return async (ctx) => {
    const build = await find(store, ctx.params.id);
    // Here only: a list of builds would be long with them.
    const changed = build.merge === null ? null : await store.changedFiles(build.id);
    const [steps, history] = await Promise.all([store.steps(build.id), store.attempts(build.id)]);
    ctx.body = { ...toView(build), changedFiles: changed?.files ?? null, history, steps };
  };
}

function log(store: Store): Middleware {
  return async (ctx) => {
    const { after: afterSeq, follow, format } = parseQuery(logQuery, ctx.query);
    const isJson = format === "json" || (format === undefined && ctx.accepts("text/plain", jsonLines) === jsonLines);
    const build = await find(store, ctx.params.id);
    if (build.logRemovedAt !== null) {
      ctx.body = `the log of build ${build.id} was removed for its age on ${build.logRemovedAt.toISOString()} (limits.log_days_max)\n`;
      return;
    }
    const gone = new AbortController();
    ctx.res.once("close", () => gone.abort());
    ctx.status = 200;
    ctx.type = isJson ? jsonLines : "text/plain; charset=utf-8";
    ctx.vary("Accept");
    ctx.set("X-Content-Type-Options", "nosniff");
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

async function find(store: Store, text: string | undefined): Promise<Build> {
  const parsed = id.safeParse(text);
  const build = parsed.success ? await store.build(parsed.data) : null;
  if (build === null) throw new AppError("not_found", `there is no build ${text}; GET /api/v1/builds lists them`);
  return build;
}

/** A list would be long with the reasons of every image. */
function toEntry({ plan: _long, ...build }: Build): object {
  return toView(build);
}

function toView(build: Omit<Build, "plan">): object {
  const stages = build.stages.map(({ name, ms, result }) => ({
    name,
    ms: ms === null ? null : Math.round(ms),
    result,
  }));
  const running = build.stages.find((stage) => stage.result === null);
  const stage = build.result === null ? (running?.name ?? "queued") : null;
  return { ...build, stage, stages };
}
