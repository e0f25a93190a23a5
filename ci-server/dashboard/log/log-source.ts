// Where the lines of a log come from: what is stored at once, and what is written from then on as it is written.

import { open, Problem } from "../api.ts";
import type { BuildEntry, LineView } from "../views.ts";

export interface LogListener {
  /** Where to go on after a break. */
  lastSeq(): number;
  onLines(lines: readonly LineView[]): void;
  onBuild(build: BuildEntry): void;
  onEnd(): void;
  /** Null when it goes on well. */
  onTrouble(message: string | null): void;
}

const retryMs = 2_000;
const linesAtOnce = 2_000;

/** Reads until the build has ended and its last line was handed over, whatever connections break; stops at the abort. */
export async function readLog(buildId: number, listener: LogListener, signal: AbortSignal): Promise<void> {
  await persist(listener, signal, () => readStored(buildId, listener, { follow: false, signal }));
  if (signal.aborted) return;
  const hasEnded = await followEvents(buildId, listener, signal);
  // A proxy may let no events through: the log itself can be followed as well.
  if (!hasEnded) await persist(listener, signal, () => readStored(buildId, listener, { follow: true, signal }));
  if (!signal.aborted) listener.onEnd();
}

async function persist(listener: LogListener, signal: AbortSignal, read: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    try {
      await read();
      listener.onTrouble(null);
      return;
    } catch (thrown) {
      if (signal.aborted) return;
      listener.onTrouble(thrown instanceof Error ? thrown.message : String(thrown));
      if (thrown instanceof Problem && thrown.status >= 400 && thrown.status < 500) return;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}

interface ReadOptions {
  readonly follow: boolean;
  readonly signal: AbortSignal;
}

/** One JSON object a line, as they come. */
async function readStored(buildId: number, listener: LogListener, { follow, signal }: ReadOptions): Promise<void> {
  const path = `/builds/${buildId}/log?format=json&after=${listener.lastSeq()}${follow ? "&follow=true" : ""}`;
  const response = await open(path, { signal });
  if (response.body === null || !response.headers.get("content-type")?.includes("ndjson")) return;
  let rest = "";
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (let from = 0; from < parts.length; from += linesAtOnce) {
      // The API's own contract: each is a line of the log.
      listener.onLines(parts.slice(from, from + linesAtOnce).map((text) => JSON.parse(text) as LineView));
    }
  }
}

/** Whether the events told of the end; false where the server, or what is before it, gives none. */
function followEvents(buildId: number, listener: LogListener, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const events = new EventSource(`/api/v1/builds/${buildId}/events?after=${listener.lastSeq()}`);
    const end = (hasEnded: boolean) => {
      events.close();
      resolve(hasEnded);
    };
    signal.addEventListener("abort", () => end(false), { once: true });
    events.addEventListener("open", () => listener.onTrouble(null));
    events.addEventListener("log", ({ data }) => listener.onLines(JSON.parse(data)));
    events.addEventListener("build", ({ data }) => listener.onBuild(JSON.parse(data)));
    events.addEventListener("end", () => end(true));
    events.addEventListener("error", () => {
      if (events.readyState === EventSource.CLOSED) end(false);
      else listener.onTrouble("the connection broke; it is made again");
    });
  });
}
