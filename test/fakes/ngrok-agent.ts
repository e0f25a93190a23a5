// A fake of ngrok's agent and of the service behind it: the API that the agent has on :4040, and public addresses (here on loopback)
// that forward HTTP to where each tunnel leads. Source: ngrok documentation, "ngrok Agent API".

import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeTunnel {
  readonly name: string;
  /** As in the agent's configuration: `http://127.0.0.1:8088`. */
  readonly leadsTo: string;
  publicUrl: string;
}

/**
 * `older`: an agent without /api/endpoints. `garbage`: something else listens there. `silent`: it takes the question and never
 * answers. `away`: nobody listens.
 */
export type AgentMood = "well" | "older" | "garbage" | "silent" | "away";

export class FakeNgrokAgent {
  readonly tunnels = new Map<string, FakeTunnel>();
  /** Paths that the API was asked for. */
  readonly asked: string[] = [];
  readonly #api: Server;
  /** The service's addresses; each leads to the tunnel that has it, or nowhere. */
  readonly #publics: Server[] = [];
  readonly #free: string[] = [];
  #mood: AgentMood = "well";
  url = "";

  private constructor() {
    this.#api = createServer((question, response) => this.#answer(question, response));
  }

  /** `addresses`: so many the service may give away. */
  static async start(addresses = 0): Promise<FakeNgrokAgent> {
    const agent = new FakeNgrokAgent();
    agent.url = await listen(agent.#api);
    for (let index = 0; index < addresses; index += 1) {
      const server = createServer((question, response) => agent.#forward(url, question, response));
      const url = await listen(server);
      agent.#publics.push(server);
      agent.#free.push(url);
    }
    return agent;
  }

  async stop(): Promise<void> {
    await Promise.all([close(this.#api), ...this.#publics.map(close)]);
  }

  /** With an address of the service's, unless one is given, which then leads nowhere. */
  addTunnel(leadsTo: string, { name = "webhooks", publicUrl = this.#nextUrl() } = {}): FakeTunnel {
    const tunnel: FakeTunnel = { name, leadsTo, publicUrl };
    this.tunnels.set(name, tunnel);
    return tunnel;
  }

  /** As after a start of the agent without a domain: the old address leads nowhere from now on. */
  changeUrl(name = "webhooks"): string {
    const tunnel = this.tunnels.get(name);
    if (tunnel === undefined) throw new Error(`the fake has no tunnel ${name}`);
    tunnel.publicUrl = this.#nextUrl();
    return tunnel.publicUrl;
  }

  async be(mood: AgentMood): Promise<void> {
    const { port } = new URL(this.url);
    if (mood === "away" && this.#mood !== "away") await close(this.#api);
    if (mood !== "away" && this.#mood === "away") await listen(this.#api, Number(port));
    this.#mood = mood;
  }

  #nextUrl(): string {
    const url = this.#free.shift();
    if (url === undefined) throw new Error("the fake has no address left");
    return url;
  }

  #forward(publicUrl: string, question: IncomingMessage, response: ServerResponse): void {
    const tunnel = [...this.tunnels.values()].find((one) => one.publicUrl === publicUrl);
    if (tunnel === undefined) response.writeHead(404).end("ERR_NGROK_3200");
    else forward(tunnel.leadsTo, question, response);
  }

  #answer({ url = "" }: IncomingMessage, response: ServerResponse): void {
    this.asked.push(url);
    if (this.#mood === "silent") return;
    const all = [...this.tunnels.values()];
    const body =
      url === "/api/tunnels"
        ? { tunnels: all.map(toTunnel), uri: url }
        : url === "/api/endpoints" && this.#mood !== "older"
          ? { endpoints: all.map(toEndpoint), uri: url }
          : null;
    if (this.#mood === "garbage") response.end("<html>a page of another program</html>");
    else
      response
        .writeHead(body === null ? 404 : 200, { "content-type": "application/json" })
        .end(JSON.stringify(body ?? { error_code: 100, status_code: 404, msg: "Resource not found", details: {} }));
  }
}

function toTunnel({ name, leadsTo, publicUrl }: FakeTunnel): object {
  const proto = publicUrl.slice(0, publicUrl.indexOf(":"));
  return {
    ...{ name, uri: `/api/tunnels/${name}`, public_url: publicUrl, proto },
    ...{ config: { addr: leadsTo, inspect: false }, metrics: { conns: { count: 0 }, http: { count: 0 } } },
  };
}

function toEndpoint({ name, leadsTo, publicUrl }: FakeTunnel): object {
  return {
    ...{ name, uri: `/api/endpoints/${name}`, url: publicUrl, inspect: false, pooling_enabled: false },
    ...{ upstream: { url: leadsTo, protocol: "http1" }, traffic_policy: "" },
  };
}

/** As the service does: whoever asks is named in X-Forwarded-For. */
function forward(leadsTo: string, question: IncomingMessage, response: ServerResponse): void {
  const { method, url = "/", headers } = question;
  const forwarded = { ...headers, "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "https" };
  const { hostname, port } = new URL(leadsTo);
  const onwards = request({ hostname, port, method, path: url, headers: forwarded, agent: false }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  onwards.on("error", () => response.writeHead(502).end("ERR_NGROK_8012"));
  question.pipe(onwards);
}

async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a listening TCP server has a port
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return;
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
