// Viewers of one log that note when each line came, at as little cost of their own as they can: they share the machine with what
// they look at.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Client } from "pg";

/** `seq`: all lines up to it had come by then. Milliseconds since 1970. */
export interface Arrival {
  readonly seq: number;
  readonly atMs: number;
}

export interface Viewer {
  readonly arrivals: readonly Arrival[];
  /** Once the log has ended. */
  readonly ended: Promise<unknown>;
  close(): void;
}

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Of the server's stream of events. */
export async function viewEvents(url: string, token: string): Promise<Viewer> {
  const { hostname, port, pathname } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  await once(socket, "connect");
  const lines = [`GET ${pathname} HTTP/1.1`, `Host: ${hostname}:${port}`, `Authorization: Bearer ${token}`];
  socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  const [first] = (await once(socket, "data")) as [Buffer];
  if (!first.includes(" 200 OK")) throw new Error(`${url} was answered with ${first.toString("latin1")}`);
  const { arrivals, ended } = readEvents(socket);
  return { arrivals, ended, close: () => socket.destroy() };
}

/** An event has come when the empty line behind it has. */
function readEvents(socket: Socket): Pick<Viewer, "arrivals" | "ended"> {
  const arrivals: Arrival[] = [];
  const ended = Promise.withResolvers<void>();
  let seq = 0;
  socket.on("data", (chunk) => {
    const text = chunk.toString("latin1");
    const begins = text.lastIndexOf("id: l");
    if (begins >= 0) seq = Number.parseInt(text.slice(begins + 5), 10);
    if (seq > (arrivals.at(-1)?.seq ?? 0) && text.includes("\n\n", Math.max(begins, 0)))
      arrivals.push({ seq, atMs: nowMs() });
    if (text.includes("event: end")) ended.resolve();
  });
  socket.once("close", () => ended.resolve());
  return { arrivals, ended: ended.promise };
}

/** The floor: of the database itself, with its notifications and nothing in between. */
export async function viewDatabase(url: string, buildId: number): Promise<Viewer> {
  const client = new Client(url);
  await client.connect();
  const arrivals: Arrival[] = [];
  let reading = Promise.resolve();
  let isClosed = false;
  const read = async () => {
    const seq = arrivals.at(-1)?.seq ?? 0;
    const { rows } = await client.query<{ seq: string; lines: unknown[] }>(
      "select seq, lines from log_chunk where build_id = $1 and seq > $2 order by seq",
      [buildId, seq],
    );
    const last = rows.at(-1);
    if (last !== undefined) arrivals.push({ seq: Number(last.seq) + last.lines.length - 1, atMs: nowMs() });
  };
  client.on("notification", ({ payload }) => {
    if (payload === String(buildId) && !isClosed) reading = reading.then(read);
  });
  await client.query("listen mergedock_build");
  const close = () => {
    isClosed = true;
    void reading.then(() => client.end());
  };
  return { arrivals, ended: Promise.resolve(), close };
}
