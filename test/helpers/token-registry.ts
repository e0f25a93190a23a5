// A registry of one image over TLS that lets in who brings a token, and gives tokens to who knows the password.

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";

export interface TokenRegistryOptions {
  readonly tls: { readonly cert: string; readonly key: string };
  /** On loopback when absent. */
  readonly address?: { readonly ip: string; readonly hostName: string };
  /** Null gives tokens to everybody. */
  readonly account: { readonly username: string; readonly password: string } | null;
  /** Path without host, and its manifest. */
  readonly image: string;
  readonly manifest: string;
  readonly digest: string;
  /** Where it sends for tokens; itself when absent. */
  readonly realm?: string;
  /** Answers HEAD with 405, and no digest, as some do. */
  readonly isPlain?: boolean;
}

export interface TokenRegistry {
  /** `name:port`. */
  readonly host: string;
  /** `METHOD path` of each request, in order. */
  readonly asked: readonly string[];
  stop(): Promise<void>;
}

export async function startTokenRegistry(options: TokenRegistryOptions): Promise<TokenRegistry> {
  const asked: string[] = [];
  let host = "";
  const server = createServer(options.tls, (request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(options, host, request, response);
  });
  const { ip, hostName } = options.address ?? { ip: "127.0.0.1", hostName: "localhost" };
  server.listen(0, ip);
  await once(server, "listening");
  host = `${hostName}:${(server.address() as AddressInfo).port}`; // it listens on a port
  return {
    host,
    asked,
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

const token = "a-token-of-the-tests";

function answer(options: TokenRegistryOptions, host: string, request: IncomingMessage, response: ServerResponse): void {
  const { account, image, manifest, digest, isPlain = false } = options;
  const url = new URL(request.url ?? "", `https://${host}`);
  const { authorization } = request.headers;
  if (url.pathname === "/token") {
    const basic = account && `Basic ${Buffer.from(`${account.username}:${account.password}`).toString("base64")}`;
    const isAllowed = (basic === null || authorization === basic) && url.searchParams.get("service") === "the registry";
    const isOfImage = url.searchParams.get("scope") === `repository:${image}:pull`;
    response.writeHead(isAllowed && isOfImage ? 200 : 401).end(JSON.stringify({ token, expires_in: 300 }));
  } else if (authorization !== `Bearer ${token}`) {
    const realm = options.realm ?? `https://${host}/token`;
    const challenge = `Bearer realm="${realm}",service="the registry",scope="repository:${image}:pull"`;
    response.writeHead(401, { "www-authenticate": challenge }).end();
  } else if (url.pathname !== `/v2/${image}/manifests/1`) response.writeHead(404).end();
  else if (isPlain && request.method === "HEAD") response.writeHead(405).end();
  else {
    response.writeHead(200, isPlain ? {} : { "docker-content-digest": digest });
    response.end(request.method === "GET" ? manifest : undefined);
  }
}
