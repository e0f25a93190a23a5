// An HTTP server that counts who comes: what nobody is to ask.

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Listener {
  readonly url: string;
  readonly port: number;
  /** Paths, oldest first. */
  readonly hits: readonly string[];
  /** Values of Authorization that came. */
  readonly credentials: readonly string[];
  close(): Promise<void>;
}

/** Answers with a redirect to `location` (with the path that was asked), or with 404. */
export async function listen(location?: string): Promise<Listener> {
  const hits: string[] = [];
  const credentials: string[] = [];
  const server = createServer((request, response) => {
    hits.push(request.url ?? "");
    if (request.headers.authorization !== undefined) credentials.push(request.headers.authorization);
    if (location === undefined) response.writeHead(404).end();
    else response.writeHead(302, { location: `${location}${request.url}` }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  const close = async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${port}`, port, hits, credentials, close };
}
