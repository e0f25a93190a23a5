// A fake of ngrok's agent: its API tells which public URL leads to this machine. Source: ngrok documentation, "Agent API".

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export class FakeTunnelAgent {
  readonly #server: Server;
  /** Null: the agent runs and has no tunnel. */
  publicUrl: string | null = null;

  private constructor() {
    this.#server = createServer((_request, response) => {
      const tunnels = this.publicUrl === null ? [] : [{ name: "webhooks", public_url: this.publicUrl, proto: "https" }];
      response
        .writeHead(200, { "content-type": "application/json" })
        .end(JSON.stringify({ tunnels, uri: "/api/tunnels" }));
    });
  }

  static async start(): Promise<FakeTunnelAgent> {
    const agent = new FakeTunnelAgent();
    agent.#server.listen(0, "127.0.0.1");
    await once(agent.#server, "listening");
    return agent;
  }

  get url(): string {
    // A listening TCP server has an address with a port.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
