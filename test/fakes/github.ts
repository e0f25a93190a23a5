// A fake GitHub: its API for Apps. It keeps state, speaks HTTP, and verifies what it is sent as GitHub does.

import { createPublicKey, createVerify, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeGithub {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  readonly appId: string;
  /** PEM. */
  readonly privateKey: string;
  /** `owner/name` of each, by the installation that reaches it. */
  readonly installations: Map<number, string[]>;
  /** What was asked, oldest first: `POST /app/installations/7/access_tokens 201`. */
  readonly asked: readonly string[];
  /** How long the next tokens last. */
  tokenMs: number;
  /** Whether a git client with this token may read `owner/name` now. */
  admits(token: string, repository: string): boolean;
  /** Takes back all tokens that were given out. */
  revoke(): void;
  stop(): Promise<void>;
}

interface Given {
  readonly repositories: readonly string[];
  readonly endsMs: number;
}

interface Answer {
  readonly status: number;
  readonly body: object;
}

export async function startFakeGithub(): Promise<FakeGithub> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const installations = new Map<number, string[]>();
  const given = new Map<string, Given>();
  const asked: string[] = [];
  const appId = "4711";
  const github = { tokenMs: 3_600_000 };
  const server = createServer(async (request, response) => {
    const body = await readBody(request);
    const { status, body: answer } = isFromApp(request, publicKey, appId)
      ? route(request, body)
      : { status: 401, body: { message: "A JSON web token could not be decoded" } };
    asked.push(`${request.method} ${request.url} ${status}`);
    reply(response, status, answer);
  });

  function route({ method, url = "" }: IncomingMessage, body: string): Answer {
    const asksFor = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(url)?.[1];
    if (method === "GET" && asksFor !== undefined) {
      const found = [...installations].find(([, names]) => names.includes(asksFor));
      return found === undefined ? notFound : { status: 200, body: { id: found[0], account: { login: "acme" } } };
    }
    const id = Number(/^\/app\/installations\/(\d+)\/access_tokens$/.exec(url)?.[1]);
    const reached = installations.get(id);
    return method === "POST" && reached !== undefined ? giveToken(reached, JSON.parse(body)) : notFound;
  }

  function giveToken(reached: readonly string[], wish: { repositories?: string[]; permissions?: object }): Answer {
    const wanted = wish.repositories?.map((name) => reached.find((one) => one.endsWith(`/${name}`)));
    if (wanted?.some((one) => one === undefined) === true) return { status: 422, body: { message: "not accessible" } };
    const token = `ghs_${randomBytes(18).toString("base64url")}`;
    const endsMs = Date.now() + github.tokenMs;
    given.set(token, { repositories: (wanted ?? reached).filter((one) => one !== undefined), endsMs });
    const { permissions = {} } = wish;
    return { status: 201, body: { token, expires_at: new Date(endsMs).toISOString(), permissions } };
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(github, {
    // A listening TCP server has an address with a port.
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ appId, privateKey, installations, asked },
    admits: (token: string, repository: string) => {
      const found = given.get(token);
      return found !== undefined && found.endsMs > Date.now() && found.repositories.includes(repository);
    },
    revoke: () => given.clear(),
    stop: async () => {
      server.close();
      server.closeAllConnections();
    },
  });
}

const notFound: Answer = { status: 404, body: { message: "Not Found" } };

/** docs.github.com: RS256 by the app's key, `iss` is the app, `exp` is at most ten minutes away. */
function isFromApp({ headers }: IncomingMessage, publicKey: string, appId: string): boolean {
  const [head = "", claims = "", signature = ""] = (headers.authorization ?? "").replace(/^Bearer /, "").split(".");
  const isSigned = createVerify("RSA-SHA256")
    .update(`${head}.${claims}`)
    .verify(createPublicKey(publicKey), signature, "base64url");
  if (!isSigned || JSON.parse(Buffer.from(head, "base64url").toString()).alg !== "RS256") return false;
  const { iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url").toString());
  const now = Date.now() / 1000;
  return iss === appId && iat <= now && exp > now && exp - now <= 600;
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
