// GitHub Apps: who they are is shown by a signed token, and what they may do by the installation's.
// Source: GitHub documentation, "Generating a JSON Web Token (JWT) for a GitHub App", "Create an installation access token".

import { createPublicKey, createVerify, generateKeyPairSync, randomBytes } from "node:crypto";
import { listOf, readOf, redeliverOf } from "./hooks.ts";
import { allows } from "./permissions.ts";
import { type Answer, notFound } from "./routes.ts";
import type { FakeHook, FakeState } from "./state.ts";

export interface FakeApp {
  readonly id: string;
  readonly slug: string;
  /** PEM. */
  readonly privateKey: string;
  readonly publicKey: string;
  readonly installations: Map<number, Installation>;
  /** Its own webhook; null: it has none. */
  hook: AppHook | null;
  /** How long the next tokens last. */
  tokenMs: number;
}

/** `sent`: what has come of it; absent where nobody has it send anything. */
interface AppHook {
  readonly url: string;
  readonly secret: string;
  readonly events: readonly string[];
  readonly sent?: FakeHook;
}

export interface Installation {
  readonly repositories: readonly string[];
  readonly permissions: Readonly<Record<string, string>>;
}

export function createApp(id: string): FakeApp {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return { id, slug: `app-${id}`, privateKey, publicKey, installations: new Map(), hook: null, tokenMs: 3_600_000 };
}

interface AskedByApp {
  readonly method: string;
  /** Below the API's root. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: object;
}

/** Of paths that an App asks as itself. */
export function answerApp(state: FakeState, app: FakeApp, { method, path, query, body }: AskedByApp): Answer {
  const deliveries = answerDeliveries(state, app, { method, path, query, body });
  if (deliveries !== null) return deliveries;
  const asksFor = /^\/repos\/([^/]+\/[^/]+)\/installation$/.exec(path)?.[1];
  if (method === "GET" && asksFor !== undefined) {
    const found = [...app.installations].find(([, { repositories }]) => repositories.includes(asksFor));
    const about = { app_id: Number(app.id), events: app.hook?.events ?? [], suspended_at: null };
    return found === undefined ? notFound : { status: 200, body: { id: found[0], ...about } };
  }
  if (method === "GET" && path === "/app/hook/config") {
    const { url } = app.hook ?? {};
    const config = { url, content_type: "json", insecure_ssl: "0", secret: "********" };
    return url === undefined ? notFound : { status: 200, body: config };
  }
  const installation = app.installations.get(Number(/^\/app\/installations\/(\d+)\/access_tokens$/.exec(path)?.[1]));
  return method === "POST" && installation !== undefined ? giveToken(state, app, installation, body) : notFound;
}

/** Source: GitHub's REST API, "List deliveries for an app webhook" and the next two. */
function answerDeliveries(state: FakeState, { hook }: FakeApp, { method, path, query }: AskedByApp): Answer | null {
  const [, id, attempts] = /^\/app\/hook\/deliveries(?:\/(\d+)(\/attempts)?)?$/.exec(path) ?? [null];
  if (!path.startsWith("/app/hook/deliveries")) return null;
  if (hook?.sent === undefined) return notFound;
  if (method === "GET" && id === undefined) return listOf(state, hook.sent, query, path);
  if (method === "GET" && attempts === undefined) return readOf(state, hook.sent, Number(id));
  return method === "POST" && attempts !== undefined ? redeliverOf(state, hook.sent, Number(id)) : notFound;
}

function giveToken(state: FakeState, app: FakeApp, installation: Installation, wish: TokenWish): Answer {
  const reached = installation.repositories;
  const wanted = wish.repositories?.map((name) => reached.find((one) => one.endsWith(`/${name}`))) ?? reached;
  if (wanted.some((one) => one === undefined)) return { status: 422, body: { message: "not accessible" } };
  const permissions = wish.permissions ?? installation.permissions;
  const isMore = Object.entries(permissions).some(([name, level]) => !allows(installation.permissions[name], level));
  if (isMore)
    return { status: 422, body: { message: "The permissions requested are not granted to this installation." } };
  const token = `ghs_${randomBytes(18).toString("base64url")}`;
  const endsMs = state.clock.now().getTime() + app.tokenMs;
  const repositories = wanted.filter((one) => one !== undefined);
  state.tokens.set(token, { login: `${app.slug}[bot]`, repositories, permissions, endsMs });
  const expires = new Date(endsMs).toISOString();
  return { status: 201, body: { token, expires_at: expires, permissions, repository_selection: "selected" } };
}

interface TokenWish {
  readonly repositories?: readonly string[];
  readonly permissions?: Readonly<Record<string, string>>;
}

/** docs: RS256 by the app's key, `iss` is the app, `exp` is at most ten minutes away. Returns the refusal where it is none of these. */
export function signer(authorization: string, apps: Iterable<FakeApp>, at: Date): FakeApp | Answer {
  const [head = "", claims = "", signature = ""] = authorization.replace(/^[Bb]earer /, "").split(".");
  const { alg } = parse(head) as { alg?: string };
  const { iss, iat, exp } = parse(claims) as { iss?: string | number; iat?: number; exp?: number };
  const app = [...apps].find(({ id }) => id === String(iss));
  if (alg !== "RS256" || app === undefined) return refused("A JSON web token could not be decoded");
  const isSigned = createVerify("RSA-SHA256")
    .update(`${head}.${claims}`)
    .verify(createPublicKey(app.publicKey), signature, "base64url");
  if (!isSigned) return refused("A JSON web token could not be decoded");
  const now = at.getTime() / 1000;
  if (!Number.isInteger(iat) || Number(iat) > now)
    return refused("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
  if (!Number.isInteger(exp) || Number(exp) <= now)
    return refused("'Expiration time' claim ('exp') must be a numeric value representing the future time");
  if (Number(exp) - now > 600) return refused("'Expiration time' claim ('exp') is too far in the future");
  return app;
}

function refused(message: string): Answer {
  return { status: 401, body: { message } };
}

function parse(part: string): unknown {
  try {
    return JSON.parse(Buffer.from(part, "base64url").toString());
  } catch {
    return {};
  }
}
