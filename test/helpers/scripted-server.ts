// An HTTP server that answers what a test says, for what a fake has no reason to say.

import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON as it is sent. */
  readonly body?: string;
}

export interface ScriptedServer {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** `GET /repos/acme/shop/hooks?per_page=100`, oldest first. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

type Script = (asked: string, headers: IncomingHttpHeaders) => ScriptedAnswer;

export async function startScriptedServer(script: Script): Promise<ScriptedServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const question = `${request.method} ${request.url}`;
    asked.push(question);
    const { status, headers = {}, body } = script(question, request.headers);
    request.resume();
    response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers }).end(body);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return {
    ...{ url: `http://127.0.0.1:${port}`, asked },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
