// Reads server-sent events, each of a bounded size.
// Source: HTML Living Standard, 9.2.6 "Interpreting an event stream".

export interface StreamedEvent {
  /** `message` where the sender names none. */
  readonly name: string;
  /** Null: it had more bytes than are taken. */
  readonly data: string | null;
}

export async function* readEvents(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<StreamedEvent> {
  const event = newEvent();
  for await (const line of readLines(chunks, bytesMax)) {
    if (line === "") {
      if (event.data.length > 0 || event.isTooLarge)
        yield { name: event.name, data: event.isTooLarge ? null : event.data.join("\n") };
      Object.assign(event, newEvent());
    } else if (line === null) event.isTooLarge = true;
    else takeField(event, line, bytesMax);
  }
}

interface Reading {
  name: string;
  data: string[];
  length: number;
  isTooLarge: boolean;
}

function newEvent(): Reading {
  return { name: "message", data: [], length: 0, isTooLarge: false };
}

function takeField(event: Reading, line: string, bytesMax: number): void {
  const [, field = "", value = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
  if (field === "event") event.name = value;
  if (field !== "data") return;
  // With its line end: lines without anything take room too.
  event.length += value.length + 1;
  if (event.length > bytesMax) event.isTooLarge = true;
  else event.data.push(value);
}

/** Null for a line that is too long. */
async function* readLines(chunks: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<string | null> {
  let parts: Buffer[] = [];
  let length = 0;
  for await (const given of chunks) {
    let chunk = Buffer.from(given.buffer, given.byteOffset, given.length);
    for (let end = chunk.indexOf("\n"); end >= 0; end = chunk.indexOf("\n")) {
      length += end;
      parts.push(chunk.subarray(0, end));
      yield length > bytesMax ? null : Buffer.concat(parts).toString("utf8").replace(/\r$/, "");
      [parts, length, chunk] = [[], 0, chunk.subarray(end + 1)];
    }
    length += chunk.length;
    // Of a line that is too long nothing more is kept.
    if (length <= bytesMax) parts.push(chunk);
  }
}
