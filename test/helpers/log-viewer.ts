// A viewer of a build's log whose connection breaks, and who goes on after the last event that it has whole.

import { setTimeout as delay } from "node:timers/promises";
import type { EventStream } from "./event-stream.ts";

export interface Viewed {
  /** The numbers of the lines, in the order in which they came. */
  readonly seqs: readonly number[];
  readonly texts: readonly string[];
  readonly result: string | null;
  readonly connections: number;
}

/** Breaks after as many log events as `breaks` says, one connection after the other; the one after them stays until the end. */
export async function viewLog(
  open: (lastId: string | undefined) => Promise<EventStream>,
  breaks: readonly number[] = [],
): Promise<Viewed> {
  const seqs: number[] = [];
  const texts: string[] = [];
  let lastId: string | undefined;
  for (let connection = 0; ; connection += 1) {
    const stream = await open(lastId);
    let left = breaks[connection] ?? Number.POSITIVE_INFINITY;
    for await (const { name, data } of stream) {
      if (name === "end") {
        const { result } = JSON.parse(data) as { result: string }; // the API's format
        return { seqs, texts, result, connections: connection + 1 };
      }
      if (name !== "log") continue;
      for (const line of JSON.parse(data) as { seq: number; text: string }[]) {
        seqs.push(line.seq);
        texts.push(line.text);
      }
      left -= 1;
      if (left <= 0) break;
    }
    lastId = stream.lastId === "" ? undefined : stream.lastId;
    stream.close();
    if (connection >= breaks.length) return { seqs, texts, result: null, connections: connection + 1 };
    await delay(1);
  }
}
