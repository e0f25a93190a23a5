// One question to the API: whether it fails on purpose, who asks and how often, and which resource answers.

import type { IncomingMessage } from "node:http";
import { answerApp, type FakeApp, signer } from "./apps.ts";
import { commentRoutes } from "./comments.ts";
import { withTag } from "./etags.ts";
import type { FaultOf } from "./faults.ts";
import { hookRoutes } from "./hooks.ts";
import { answerConversion } from "./manifest.ts";
import { answerMeta } from "./meta.ts";
import { nobody, refusal, sees, tokenOf } from "./permissions.ts";
import { pullRoutes } from "./pulls.ts";
import { repositoryRoutes } from "./repositories.ts";
import { type Answer, notFound, type Route } from "./routes.ts";
import type { FakeState, Token } from "./state.ts";
import { statusRoutes } from "./statuses.ts";

/** As of an Enterprise Server. */
export const apiPath = "/api/v3";
const versions = ["2022-11-28"];
const routes: readonly Route[] = [
  ...[...repositoryRoutes, ...pullRoutes, ...hookRoutes],
  ...[...statusRoutes, ...commentRoutes],
];

export interface ApiParts {
  readonly state: FakeState;
  readonly apps: FakeApp[];
  readonly fault: FaultOf;
}

interface Asked {
  readonly method: string;
  /** Below the API's root. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

type Asker =
  | { readonly kind: "app"; readonly app: FakeApp }
  | { readonly kind: "token"; readonly token: Token }
  | { readonly kind: "refused"; readonly answer: Answer };

export async function answerApi(parts: ApiParts, request: IncomingMessage): Promise<Answer> {
  const text = await readBody(request);
  const failure = parts.fault("api");
  if (failure !== null) return failure;
  const asked = read(request, text);
  if ("status" in asked) return asked;
  const { limits } = parts.state;
  const asker = whoAsks(parts, request, asked.path);
  const login = loginOf(asker);
  const spends = asked.path === "/rate_limit" ? null : limits.spend({ login, method: asked.method });
  const answer = spends ?? withTag(request, await answerTo(parts, asker, asked));
  if (answer.status === 304) limits.giveBack(login);
  return { ...answer, headers: { ...limits.headers(login), ...answer.headers } };
}

function read({ method = "", url = "", headers }: IncomingMessage, text: string): Asked | Answer {
  if ((headers["user-agent"] ?? "") === "")
    return { status: 403, body: { message: "Request forbidden by administrative rules. Please send a User-Agent." } };
  const version = headers["x-github-api-version"];
  if (version !== undefined && !versions.includes(String(version)))
    return { status: 400, body: { message: `${version} is not a supported API version.` } };
  const { pathname, searchParams: query } = new URL(url, "http://localhost");
  const path = decodeURIComponent(pathname.slice(apiPath.length));
  const body = text === "" ? {} : parse(text);
  return body === null ? { status: 400, body: { message: "Problems parsing JSON" } } : { method, path, query, body };
}

function whoAsks({ state, apps }: ApiParts, { headers }: IncomingMessage, path: string): Asker {
  const { authorization } = headers;
  const isOfApp = /^\/app(?:\/|$)|^\/repos\/[^/]+\/[^/]+\/installation$/.test(path);
  if (isOfApp) {
    const signed = signer(authorization ?? "", apps, state.clock.now());
    return "id" in signed ? { kind: "app", app: signed } : { kind: "refused", answer: signed };
  }
  if (authorization === undefined) return { kind: "token", token: nobody };
  const token = tokenOf(state, authorization.replace(/^(?:bearer|token) /i, ""));
  if (token === null) return { kind: "refused", answer: { status: 401, body: { message: "Bad credentials" } } };
  return { kind: "token", token };
}

function loginOf(asker: Asker): string | null {
  if (asker.kind === "app") return asker.app.slug;
  return asker.kind === "token" && asker.token !== nobody ? asker.token.login : null;
}

async function answerTo({ state, apps }: ApiParts, asker: Asker, asked: Asked): Promise<Answer> {
  if (asker.kind === "refused") return asker.answer;
  const { method, path, query, body } = asked;
  const converted = answerConversion({ state, apps }, method, path);
  if (converted !== null) return converted;
  if (asker.kind === "app") return answerApp(state, asker.app, { method, path, query, body });
  const { token } = asker;
  const meta = method === "GET" ? answerMeta(state, loginOf(asker), path) : null;
  if (meta !== null) return meta;
  const [, owner = "", repo = "", rest = ""] = /^\/repos\/([^/]+)\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  const repository = state.repositories.get(`${owner}/${repo}`.toLowerCase());
  if (repository === undefined || !sees(token, repository)) return notFound;
  for (const route of routes) {
    const names = route.method === method ? match(route.path, rest) : null;
    if (names === null) continue;
    return refusal(route, token, repository) ?? route.answer({ state, token, repository, query, body, path: names });
  }
  return notFound;
}

function match(pattern: string, path: string): Record<string, string> | null {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return null;
  const pairs = names.map((name, index) => [name, parts[index] ?? ""] as const);
  if (pairs.some(([name, part]) => !name.startsWith(":") && name !== part)) return null;
  return Object.fromEntries(
    pairs.filter(([name]) => name.startsWith(":")).map(([name, part]) => [name.slice(1), part]),
  );
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
