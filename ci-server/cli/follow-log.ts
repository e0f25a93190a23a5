// Reads a build's log line by line and, where it is followed, again from the last line on when the connection breaks.

import { setTimeout as wait } from "node:timers/promises";
import { z } from "zod";
import { stages } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import { type Client, readAs } from "./client.ts";
import { type BuildView, buildView } from "./views.ts";

const entry = z.object({
  seq: z.number(),
  at: z.string(),
  stage: z.enum(stages),
  service: z.string().nullable().default(null),
  step: z.number().nullable().default(null),
  stream: z.string().nullable().default(null),
  text: z.string(),
});

/** `raw`: the line as the API gave it. */
export interface LogEntry extends z.infer<typeof entry> {
  readonly raw: string;
}

export interface LogRequest {
  readonly client: Client;
  readonly buildId: number;
  readonly follow: boolean;
  readonly onTrouble: (message: string) => void;
  /** Between two tries. */
  readonly pauseMs?: number;
}

/** Tries one after another that bring no line. */
const fruitlessTriesMax = 30;
const pauseMsMax = 5_000;

/** Every line once and in order. Throws `unavailable` when the server stays away, and `not_found`. */
export async function* readLog(request: LogRequest): AsyncGenerator<LogEntry> {
  let after = 0;
  for (let fruitless = 0; ; fruitless += 1) {
    try {
      for await (const line of readOnce(request, after)) {
        // What has been read is not shown again, whatever a server sends.
        if (line.seq <= after) continue;
        after = line.seq;
        fruitless = 0;
        yield line;
      }
      // The server ends the log of a build that it stops to work on, too.
      if (!request.follow || (await showBuild(request.client, request.buildId)).result !== null) return;
    } catch (cause) {
      if (!isTransient(cause) || !request.follow || fruitless >= fruitlessTriesMax) throw cause;
      request.onTrouble(`the connection broke after line ${after}: ${(cause as Error).message}; trying again`);
    }
    await wait(Math.min((request.pauseMs ?? 500) * 2 ** fruitless, pauseMsMax));
  }
}

export async function showBuild(client: Client, buildId: number): Promise<BuildView> {
  return readAs(buildView, await client.get(`/builds/${buildId}`), "a build");
}

async function* readOnce({ client, buildId, follow }: LogRequest, after: number): AsyncGenerator<LogEntry> {
  const query = { format: "json", after, ...(follow && { follow: "true" }) };
  const response = await client.open(`/builds/${buildId}/log`, query, new AbortController().signal);
  if (!response.headers.get("content-type")?.includes("ndjson"))
    throw new AppError("not_found", (await response.text()).trim() || `there is no log of build ${buildId}`);
  for await (const line of linesOf(response)) yield toEntry(line);
}

/** A line that the connection has cut off is none. */
async function* linesOf(response: Response): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const [first = "", ...others] = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = first;
    for (const next of others) {
      yield rest;
      rest = next;
    }
  }
}

function toEntry(line: string): LogEntry {
  const parsed = entry.safeParse(safeJson(line));
  if (!parsed.success) throw new AppError("unsupported", "the server's log is not one that this version can read");
  return { ...parsed.data, raw: line };
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** No answer, or one that ended too early: fetch() throws a TypeError for that. */
function isTransient(cause: unknown): boolean {
  return cause instanceof AppError
    ? cause.code === "unavailable" || cause.code === "internal"
    : cause instanceof TypeError;
}
