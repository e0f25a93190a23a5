// A fake of smee.io: what is posted to a channel comes out of it as an event, with its body read as JSON, since that is how the
// service keeps it. Source: github.com/probot/smee.io, lib/server.js.

import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export class FakeSmee {
  /** Who listens, by channel. */
  readonly #listeners = new Map<string, Set<ServerResponse>>();
  readonly #server: Server;
  /** How often somebody has begun to listen. */
  opened = 0;
  #url = "";
  #ids = 0;

  private constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<FakeSmee> {
    const smee = new FakeSmee();
    smee.#server.listen(0, "127.0.0.1");
    await once(smee.#server, "listening");
    smee.#url = `http://127.0.0.1:${(smee.#server.address() as AddressInfo).port}`; // a listening TCP server has a port
    return smee;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  channel(name: string): string {
    return `${this.#url}/${name}`;
  }

  /** Puts these lines into the channel as they are. */
  write(channel: string, lines: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener.write(lines);
  }

  /** As a proxy does now and then. */
  hangUp(channel: string): void {
    for (const listener of this.#listeners.get(channel) ?? []) listener.end();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const channel = new URL(request.url ?? "/", this.#url).pathname.slice(1);
    if (!/^[a-zA-Z0-9-_]{1,128}$/.test(channel)) response.writeHead(404).end();
    else if (request.method === "POST") await this.#post(channel, request, response);
    else if (request.headers.accept !== "text/event-stream")
      response.writeHead(200, { "content-type": "text/html" }).end("<html>the channel's page</html>");
    else this.#listen(channel, response);
  }

  #listen(channel: string, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const listeners = this.#listeners.get(channel) ?? new Set();
    this.#listeners.set(channel, listeners.add(response));
    response.on("close", () => listeners.delete(response));
    this.opened += 1;
    response.write(`id: ${this.#ids++}\nevent: ready\ndata: {}\n\n`);
  }

  async #post(channel: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!request.headers["content-type"]?.startsWith("application/json")) {
      response.writeHead(415).end();
      return;
    }
    const body = await json(request);
    const event = { ...request.headers, body, query: {}, timestamp: Date.now() };
    this.write(channel, `id: ${this.#ids++}\ndata: ${JSON.stringify(event)}\n\n`);
    response.writeHead(200).end();
  }
}
