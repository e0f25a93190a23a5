// Serves bare repositories over HTTP as a forge does: node:http in front of `git http-backend`.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

export type GitServer = {
  /** `http://127.0.0.1:<port>`; the repository `acme/shop` below root is at `<url>/acme/shop.git`. */
  readonly url: string;
  /** What was asked for, oldest first: the last `requestsMax`. */
  readonly requests: readonly GitRequest[];
  stop(): Promise<void>;
};
export type GitServerOptions = {
  readonly root: string;
  /** A free one unless it is said. */
  readonly port?: number;
  /** Whether whoever comes with these credentials (`user:password`; empty for none) may read this path. All may unless it is said. */
  readonly admits?: (credentials: string, path: string) => boolean;
  /** Answers what is no request of git's own: whether it did. */
  readonly beside?: (request: IncomingMessage, response: ServerResponse) => boolean;
};
export type GitRequest = { readonly method: string; readonly path: string; readonly credentials: string };

const requestsMax = 1_000;
const cgiHeadBytesMax = 64 * 1024;

/** Serves, read-only, the repositories below `root` that hold a file `git-daemon-export-ok`. stop() ends what is under way. */
export async function startGitServer(options: GitServerOptions): Promise<GitServer> {
  const { root, port = 0, admits = () => true, beside = () => false } = options;
  const requests: GitRequest[] = [];
  const underWay = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const { method = "", url: path = "" } = request;
    const credentials = credentialsOf(request);
    requests.push({ method, path, credentials });
    if (requests.length > requestsMax) requests.shift();
    if (!admits(credentials, path)) return refuse(response);
    if (beside(request, response)) return;
    const answer = answerByGit({ root, request, response }).catch(() => void response.destroy());
    underWay.add(answer);
    void answer.finally(() => underWay.delete(answer));
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  async function stop(): Promise<void> {
    server.close();
    server.closeAllConnections();
    await Promise.all(underWay);
  }
  // A listening TCP server has an address with a port.
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests, stop };
}

/** RFC 7617. */
function credentialsOf({ headers: { authorization = "" } }: IncomingMessage): string {
  return Buffer.from(/^Basic (.+)$/i.exec(authorization)?.[1] ?? "", "base64").toString("utf8");
}

function refuse(response: ServerResponse): void {
  response.writeHead(401, { "www-authenticate": 'Basic realm="lab"' }).end();
}

type Exchange = { readonly root: string; readonly request: IncomingMessage; readonly response: ServerResponse };

async function answerByGit({ root, request, response }: Exchange): Promise<void> {
  const backend = spawn("git", ["http-backend"], {
    env: cgiEnvironment(root, request),
    stdio: ["pipe", "pipe", "ignore"],
  });
  const exit = once(backend, "close").catch(() => undefined);
  response.once("close", () => backend.kill("SIGKILL"));
  // git may answer, and stop reading, before the whole body has come: that is not an error.
  const sent = pipeline(request, backend.stdin).catch(() => undefined);
  try {
    const { head, rest } = await readHead(backend.stdout);
    writeHead(response, head);
    response.write(rest);
    await pipeline(backend.stdout, response);
  } finally {
    backend.kill("SIGKILL");
    await Promise.all([exit, sent]);
  }
}

/** RFC 3875; git undoes a gzip body itself when HTTP_CONTENT_ENCODING says so. */
function cgiEnvironment(root: string, request: IncomingMessage): NodeJS.ProcessEnv {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const { headers } = request;
  return {
    PATH: process.env.PATH,
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_PROJECT_ROOT: root,
    GIT_PROTOCOL: String(headers["git-protocol"] ?? ""),
    PATH_INFO: decodeURIComponent(pathname),
    QUERY_STRING: search.slice(1),
    REQUEST_METHOD: request.method,
    CONTENT_TYPE: headers["content-type"] ?? "",
    CONTENT_LENGTH: headers["content-length"] ?? "",
    HTTP_CONTENT_ENCODING: headers["content-encoding"] ?? "",
    REMOTE_ADDR: "127.0.0.1",
  };
}

async function readHead(stdout: Readable): Promise<{ head: string; rest: Buffer }> {
  let bytes = Buffer.alloc(0);
  while (bytes.length < cgiHeadBytesMax) {
    const end = bytes.indexOf("\r\n\r\n");
    if (end >= 0) return { head: bytes.toString("latin1", 0, end), rest: bytes.subarray(end + 4) };
    const chunk: Buffer | null = stdout.read();
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk]);
    else if (stdout.readableEnded) break;
    else await Promise.race([once(stdout, "readable"), once(stdout, "end")]);
  }
  throw new Error("git http-backend gave no header");
}

function writeHead(response: ServerResponse, head: string): void {
  response.statusCode = 200;
  for (const line of head.split("\r\n")) {
    const [name = "", ...value] = line.split(": ");
    if (name.toLowerCase() === "status") response.statusCode = Number.parseInt(value.join(": "), 10);
    else response.setHeader(name, value.join(": "));
  }
}
