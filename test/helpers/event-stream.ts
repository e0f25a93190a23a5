// A client of server-sent events, as a browser is one: it goes on after the last id that it was given.
// Source: HTML Living Standard, 9.2.6 "Interpreting an event stream".

export interface StreamEvent {
  /** The last one that was given, with this event or before it. */
  readonly id: string;
  readonly name: string;
  readonly data: string;
}

export interface EventStream extends AsyncIterable<StreamEvent> {
  readonly response: Response;
  /** The last id so far, of events without data too. */
  readonly lastId: string;
  /** Comments so far. */
  readonly comments: number;
  /** The next event with one of these names; null when the stream has ended without one. */
  next(...names: string[]): Promise<StreamEvent | null>;
  close(): void;
}

export interface StreamRequest {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly lastId?: string;
}

/** Throws when it is not answered with a stream. */
export async function openStream({ url, headers = {}, lastId }: StreamRequest): Promise<EventStream> {
  const gone = new AbortController();
  const all = { accept: "text/event-stream", ...headers, ...(lastId !== undefined && { "last-event-id": lastId }) };
  const response = await fetch(url, { headers: all, signal: gone.signal });
  if (response.status !== 200) {
    throw Object.assign(new Error(`${url} was answered with ${response.status}: ${await response.text()}`), {
      response,
    });
  }
  const state = { lastId: lastId ?? "", comments: 0 };
  const events = parse(response, state);
  return {
    response,
    get lastId() {
      return state.lastId;
    },
    get comments() {
      return state.comments;
    },
    [Symbol.asyncIterator]: () => events,
    async next(...names) {
      for (;;) {
        const { value, done } = await events.next();
        if (done === true) return null;
        if (names.length === 0 || names.includes(value.name)) return value;
      }
    },
    close: () => gone.abort(),
  };
}

async function* parse(
  response: Response,
  state: { lastId: string; comments: number },
): AsyncGenerator<StreamEvent, void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of response.body ?? []) {
    const blocks = (rest + decoder.decode(chunk, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const lines = block.split("\n");
      const valuesOf = (field: string) =>
        lines.filter((line) => line.startsWith(`${field}: `)).map((line) => line.slice(field.length + 2));
      state.comments += lines.filter((line) => line.startsWith(":")).length;
      state.lastId = valuesOf("id").at(-1) ?? state.lastId;
      const data = valuesOf("data");
      if (data.length > 0)
        yield { id: state.lastId, name: valuesOf("event").at(-1) ?? "message", data: data.join("\n") };
    }
  }
}
