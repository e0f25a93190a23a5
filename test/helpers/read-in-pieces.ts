// A reader of a log whose connection breaks again and again, and who goes on where it broke.

import type { LogLine } from "../../ci-server/core/build.ts";

/** Asks for the log with a query; may fail while there is no server. */
type Ask = (query: string, init: RequestInit) => Promise<Response>;

export interface ReadInPieces {
  readonly lines: readonly LogLine[];
  readonly connections: number;
}

/**
 * Breaks each connection after at most so many lines, in the middle of one if it comes to that, and goes on after the last
 * whole line, until the log has ended. A connection that breaks of itself is one more.
 */
export async function readInPieces(ask: Ask, linesMax: number): Promise<ReadInPieces> {
  const lines: LogLine[] = [];
  for (let connections = 1; ; connections += 1) {
    const wanted = lines.length + 1 + Math.floor(Math.random() * linesMax);
    if (await readUpTo(ask, lines, wanted).catch(() => false)) return { lines, connections };
  }
}

/** Whether the log has ended. */
async function readUpTo(ask: Ask, lines: LogLine[], wanted: number): Promise<boolean> {
  const gone = new AbortController();
  try {
    const after = lines.at(-1)?.seq ?? 0;
    const response = await ask(`format=json&follow=true&after=${after}`, { signal: gone.signal });
    let rest = "";
    for await (const chunk of response.body ?? []) {
      const parts = (rest + Buffer.from(chunk).toString("utf8")).split("\n");
      rest = parts.pop() ?? "";
      for (const part of parts) {
        lines.push(JSON.parse(part) as LogLine); // the API's format
        if (lines.length >= wanted) return false;
      }
    }
    return true;
  } finally {
    gone.abort();
  }
}
