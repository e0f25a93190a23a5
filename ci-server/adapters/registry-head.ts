// Asks any registry for the digest behind a name, over verified TLS, signed in by a password or by the token that it asks for.
// Source: OCI distribution specification 1.1, "Checking if content exists in the registry".

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import { type BaseReference, dockerHub } from "../core/base-reference.ts";
import { AppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import { publicLookup } from "./private-address.ts";
import { type Challenge, parseChallenge, readToken, type Token, tokenUrl } from "./registry-token.ts";

const manifestTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
const bodyBytesMax = 4 * 1024 * 1024;
const tokensMax = 1_000;

export interface RegistryAccess {
  /** Where it is asked; null: https://host. */
  readonly apiUrl: string | null;
  /** PEM; null trusts the machine's authorities. */
  readonly ca: string | null;
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

export interface RegistryHeadOptions {
  /** By host; others are asked without signing in. */
  readonly registries: ReadonlyMap<string, RegistryAccess>;
  readonly timeoutMs: number;
}

export interface HeadRequest {
  readonly reference: BaseReference;
  readonly mayBePrivate: boolean;
  readonly signal: AbortSignal;
}

export interface RegistryHead {
  /**
   * Null when it has none. Throws `unavailable` (not reached, in trouble), `unauthorized` (it wants to know who asks, which some
   * say of what they do not have), `forbidden` (a certificate of another CA), `invalid` (at an address where it must not be).
   */
  digest(request: HeadRequest): Promise<string | null>;
  close(): Promise<void>;
}

interface Shared {
  readonly options: RegistryHeadOptions;
  readonly agents: Map<string, Agent>;
  readonly tokens: Map<string, Token>;
}

export function createRegistryHead(options: RegistryHeadOptions): RegistryHead {
  const shared = { options, agents: new Map<string, Agent>(), tokens: new Map<string, Token>() };
  return {
    digest: (asked) => digest(shared, asked),
    close: async () => {
      for (const agent of shared.agents.values()) agent.destroy();
    },
  };
}

/** One question to one registry; `access` is that registry's. */
interface Question extends HeadRequest {
  readonly shared: Shared;
  readonly access: RegistryAccess;
  readonly deadline: AbortSignal;
}

async function digest(shared: Shared, asked: HeadRequest): Promise<string | null> {
  const { host } = asked.reference;
  const access = shared.options.registries.get(host) ?? { apiUrl: null, ca: null, credentials: null };
  const deadline = AbortSignal.any([asked.signal, AbortSignal.timeout(shared.options.timeoutMs)]);
  try {
    return await askManifest({ ...asked, shared, access, deadline });
  } catch (cause) {
    asked.signal.throwIfAborted();
    throw cause instanceof AppError ? cause : toError(host, cause);
  }
}

async function askManifest(question: Question): Promise<string | null> {
  const { path, tag, digest: pinned } = question.reference;
  const url = new URL(`/v2/${path}/manifests/${pinned ?? tag}`, apiUrl(question));
  const head = await askSignedIn(question, "HEAD", url);
  if (head.status === 404) return null;
  const found = String(head.headers["docker-content-digest"] ?? "");
  if (head.status === 200 && isDigest(found)) return found;
  // Some do not know HEAD, or do not say the digest.
  if (head.status !== 200 && head.status !== 405) throw unexpected(question, head);
  const whole = await askSignedIn(question, "GET", url);
  if (whole.status !== 200) throw unexpected(question, whole);
  return `sha256:${createHash("sha256").update(whole.body).digest("hex")}`;
}

function apiUrl({ access, reference: { host } }: Question): string {
  return access.apiUrl ?? `https://${host === dockerHub ? "registry-1.docker.io" : host}`;
}

/** With the password or the last token at once; where the registry wants another token, with that. */
async function askSignedIn(question: Question, method: "HEAD" | "GET", url: URL): Promise<Answer> {
  const { shared, reference, access } = question;
  const key = `${reference.host}/${reference.path}`;
  const token = shared.tokens.get(key);
  const isFresh = token !== undefined && token.untilMs > performance.now();
  const authorization = isFresh ? `Bearer ${token.value}` : basic(access);
  const first = await send(question, { method, url, authorization, isOfRegistry: true });
  if (first.status !== 401) return first;
  const challenge = parseChallenge(first.headers["www-authenticate"]);
  if (challenge === null) throw refused(question);
  const fresh = await fetchToken(question, challenge);
  if (shared.tokens.size >= tokensMax) shared.tokens.clear();
  shared.tokens.set(key, fresh);
  const second = await send(question, { method, url, authorization: `Bearer ${fresh.value}`, isOfRegistry: true });
  if (second.status === 401 || second.status === 403) throw refused(question);
  return second;
}

function basic({ credentials }: RegistryAccess): string | null {
  if (credentials === null) return null;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

async function fetchToken(question: Question, challenge: Challenge): Promise<Token> {
  const { reference, access, mayBePrivate } = question;
  const url = tokenUrl(challenge, { ...reference, mayBePrivate });
  const answer = await send(question, { method: "GET", url, authorization: basic(access), isOfRegistry: false });
  if (answer.status === 401 || answer.status === 403) throw refused(question);
  const token = answer.status === 200 ? readToken(answer.body.toString("utf8")) : null;
  if (token === null) throw unexpected(question, answer);
  return token;
}

interface Call {
  readonly method: "HEAD" | "GET";
  readonly url: URL;
  readonly authorization: string | null;
  readonly isOfRegistry: boolean;
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Redirects are not followed. */
async function send(question: Question, { method, url, authorization, isOfRegistry }: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sending = request(url, {
    method,
    agent: agentOf(question),
    headers: { ...(isOfRegistry && { accept: manifestTypes }), ...(authorization !== null && { authorization }) },
    signal: question.deadline,
  });
  sending.on("error", reject);
  sending.on("response", resolve);
  sending.end();
  const response = await promise;
  return { status: response.statusCode ?? 0, headers: response.headers, body: await readBody(response) };
}

async function readBody(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new AppError("too_large", `the registry sent more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** One for each CA, and for whether it goes to private addresses. */
function agentOf({ shared, access: { ca }, mayBePrivate }: Question): Agent {
  const key = `${mayBePrivate} ${ca ?? ""}`;
  const known = shared.agents.get(key);
  if (known !== undefined) return known;
  const agent = new Agent({
    keepAlive: true,
    ...(ca !== null && { ca }),
    ...(!mayBePrivate && { lookup: publicLookup }),
  });
  shared.agents.set(key, agent);
  return agent;
}

function refused({ reference: { host }, access }: Question): AppError {
  const who = access.credentials === null ? "whoever does not sign in" : `user "${access.credentials.username}"`;
  const message = `the registry ${host} refuses ${who}; set username and password_file under "registries" in mergedock.yml`;
  return new AppError("unauthorized", message);
}

function unexpected({ reference: { host } }: Question, { status }: Answer): AppError {
  return new AppError("unavailable", `the registry ${host} answered with ${status}`);
}

/** Codes of OpenSSL's verification as node:tls passes them on. */
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/;

function toError(host: string, cause: unknown): AppError {
  const { code, message, name } = cause as { code?: string; message?: string; name?: string }; // node:https rejects with errors
  if (certificateCodes.test(code ?? "")) {
    const hint = 'set ca_file under "registries" in mergedock.yml';
    return new AppError("forbidden", `the certificate of ${host} is not trusted (${code}); ${hint}`, { cause });
  }
  const why =
    name === "TimeoutError" || code === "ABORT_ERR" ? "it did not answer in time" : (message ?? String(cause));
  return new AppError("unavailable", `the registry ${host} cannot be reached: ${why}`, { cause });
}
