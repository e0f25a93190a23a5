// A registry that does what Zot does and Distribution 2.8 does not: pages with a Link, tags that go alone, and no removal of a
// manifest that several tags name. It holds tags and digests only.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { makeCertificates } from "../../certs/make-certs.ts";

export interface ZotLikeRegistry {
  readonly apiUrl: string;
  readonly caFile: string;
  /** Digest by tag; may be changed. */
  readonly tags: Map<string, string>;
  /** What was asked for, such as `DELETE /v2/acme/shop/manifests/latest`. */
  readonly asked: string[];
  stop(): Promise<void>;
}

const pageMax = 2;

/** `folder`: for its certificates. */
export async function startZotLikeRegistry(folder: string): Promise<ZotLikeRegistry> {
  const { caFile, certFile, keyFile } = await makeCertificates({ folder, hosts: ["localhost"] });
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  const tags = new Map<string, string>();
  const asked: string[] = [];
  const server = createServer({ cert, key }, ({ method = "", url = "" }, response) => {
    asked.push(`${method} ${url}`);
    const { status, headers, body } = answer(tags, method, new URL(url, "https://localhost"));
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server's address is an object
  return {
    ...{ apiUrl: `https://localhost:${port}`, caFile, tags, asked },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

function answer(tags: Map<string, string>, method: string, url: URL): Answer {
  if (url.pathname.endsWith("/tags/list")) return page(tags, url);
  const reference = url.pathname.split("/").at(-1) ?? "";
  const names = [...tags].filter(([tag, digest]) => tag === reference || digest === reference).map(([tag]) => tag);
  const [first] = names;
  if (first === undefined) return { status: 404 };
  if (method === "HEAD") return { status: 200, headers: { "docker-content-digest": tags.get(first) ?? "" } };
  if (method !== "DELETE") return { status: 404 };
  if (names.length > 1) return { status: 409 };
  tags.delete(first);
  return { status: 202 };
}

function page(tags: Map<string, string>, url: URL): Answer {
  const after = url.searchParams.get("last") ?? "";
  const rest = [...tags.keys()].sort().filter((tag) => tag > after);
  const some = rest.slice(0, pageMax);
  const link = `<${url.pathname}?n=${pageMax}&last=${some.at(-1)}>; rel="next"`;
  const headers: Record<string, string> = rest.length > some.length ? { link } : {};
  return { status: 200, headers, body: JSON.stringify({ name: "acme/shop", tags: some }) };
}
