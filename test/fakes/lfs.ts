// A fake LFS server: the batch API and the objects behind it (github.com/git-lfs/git-lfs, docs/api/batch.md), for use beside git.

import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

export interface FakeLfs {
  /** By SHA-256. */
  readonly objects: Map<string, Buffer>;
  /** Objects that were sent, oldest first. */
  readonly sent: readonly string[];
  /** Where it says that objects are; its own address unless it is set. */
  hrefOf: ((oid: string) => string) | null;
  /** Keeps the content and returns the pointer that stands for it in git. */
  keep(content: string | Buffer): string;
  /** For startGitServer. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

const mediaType = "application/vnd.git-lfs+json";

export function createFakeLfs(): FakeLfs {
  const objects = new Map<string, Buffer>();
  const sent: string[] = [];
  const lfs: FakeLfs = {
    ...{ objects, sent, hrefOf: null },
    keep(content) {
      const bytes = Buffer.from(content);
      const oid = createHash("sha256").update(bytes).digest("hex");
      objects.set(oid, bytes);
      return pointerOf(oid, bytes.length);
    },
    answer(request, response) {
      const { pathname } = new URL(request.url ?? "/", "http://localhost");
      const oid = /\/lfs-objects\/([0-9a-f]{64})$/.exec(pathname)?.[1];
      if (oid !== undefined) {
        sent.push(oid);
        response.end(objects.get(oid));
        return true;
      }
      if (!pathname.endsWith(".git/info/lfs/objects/batch")) return false;
      void answerBatch(lfs, request, response);
      return true;
    },
  };
  return lfs;
}

/** docs/spec.md of git-lfs. */
export function pointerOf(oid: string, size: number): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${size}\n`;
}

async function answerBatch(lfs: FakeLfs, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let text = "";
  for await (const chunk of request) text += chunk;
  const wish: { operation: string; objects: { oid: string; size: number }[] } = JSON.parse(text);
  const types = [request.headers.accept, request.headers["content-type"]].map((type) => type?.split(";", 1)[0]);
  const isAsked = types.every((type) => type === mediaType);
  if (request.method !== "POST" || !isAsked || wish.operation !== "download") {
    response.writeHead(422, { "content-type": mediaType }).end(JSON.stringify({ message: "not as the API says" }));
    return;
  }
  const own = `http://${request.headers.host}/lfs-objects/`;
  const answers = wish.objects.map(({ oid, size }) =>
    lfs.objects.has(oid)
      ? { oid, size, actions: { download: { href: lfs.hrefOf?.(oid) ?? `${own}${oid}` } } }
      : { oid, size, error: { code: 404, message: "Object does not exist" } },
  );
  response.writeHead(200, { "content-type": mediaType }).end(JSON.stringify({ transfer: "basic", objects: answers }));
}
