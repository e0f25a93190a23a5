// A reverse proxy that tells lies: it stands between the server and a real registry or engine, and changes some answers.

import { once } from "node:events";
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createTlsServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";

export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

type Told = (Answer & { readonly cut?: boolean; readonly headers?: Readonly<Record<string, string>> }) | null;

/** The changed answer; or null for the true one. `cut` breaks the connection after the body. The answer waits for a promise. */
export type Lie = (asked: { method: string; path: string }, truth: Answer) => Told | Promise<Told>;

export interface LyingProxy {
  /** The port on loopback; 0 on a Unix socket. */
  readonly port: number;
  /** How many answers were changed. */
  readonly lies: number;
  stop(): Promise<void>;
}

export interface ProxyOptions {
  readonly upstream: RequestOptions;
  readonly isTls: boolean;
  /** For a proxy that speaks TLS itself, on loopback. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** A Unix socket to listen on instead. */
  readonly socketPath?: string;
  readonly lie: Lie;
}

export async function startLyingProxy(options: ProxyOptions): Promise<LyingProxy> {
  const counter = { lies: 0 };
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    forward(options, counter, request, response).catch(() => response.destroy());
  };
  const server = options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  const tunnels = new Set<Duplex>();
  server.on("upgrade", (request: IncomingMessage, socket: Duplex) => tunnel(options, tunnels, request, socket));
  if (options.socketPath === undefined) server.listen(0, "127.0.0.1");
  else server.listen(options.socketPath);
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "string" ? 0 : (address as AddressInfo).port,
    get lies() {
      return counter.lies;
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      for (const socket of tunnels) socket.destroy();
      await once(server, "close");
    },
  };
}

/** A connection that becomes something else than HTTP is passed on as it is, both ways: of one header there may be several. */
function tunnel(
  { upstream }: ProxyOptions,
  tunnels: Set<Duplex>,
  { method, url: path, headersDistinct, headers: { host } }: IncomingMessage,
  socket: Duplex,
): void {
  const headers = { ...headersDistinct, host };
  const sending = httpRequest({ ...upstream, method, path, headers, agent: false });
  tunnels.add(socket.on("error", () => undefined));
  sending.on("error", () => socket.destroy());
  sending.on("upgrade", (answer: IncomingMessage, above: Duplex, head: Buffer) => {
    tunnels.add(above.on("error", () => undefined));
    const lines = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`);
    // The engine speaks first, and may have done so already.
    socket.write(head);
    above.pipe(socket).pipe(above);
    above.once("close", () => socket.destroy());
    socket.once("close", () => above.destroy());
  });
  sending.end();
}

async function forward(
  { upstream, isTls, lie }: ProxyOptions,
  counter: { lies: number },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = "GET", url: path = "/", headers } = request;
  const send = isTls ? httpsRequest : httpRequest;
  const sending = send({ ...upstream, method, path, headers, agent: false });
  request.pipe(sending);
  const [answer] = (await once(sending, "response")) as [IncomingMessage]; // of the event "response"
  const truth = { status: answer.statusCode ?? 0, body: await buffer(answer) };
  const told = await lie({ method, path }, truth);
  if (told !== null) counter.lies += 1;
  const { status, body, cut, headers: more } = { cut: false, headers: {}, ...(told ?? truth) };
  const { "content-length": length, "transfer-encoding": _encoding, ...rest } = answer.headers;
  // What a HEAD tells of is not there to be counted.
  const size = method === "HEAD" && length !== undefined ? { "content-length": length } : {};
  response.writeHead(status, { ...rest, ...size, ...more });
  if (!cut) response.end(body);
  else response.write(body, () => response.destroy());
}
