// HTTP to one registry: verified TLS, Basic or Bearer as it asks for, Retry-After heard.
// Source: OCI distribution specification 1.1; distribution's "Token Authentication Specification" for Bearer.

import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { Agent, request } from "node:https";
import type { LookupFunction } from "node:net";
import { Readable } from "node:stream";
import { AppError, type ErrorCode } from "../core/errors.ts";
import { knownTrouble } from "./registry-trouble.ts";

export interface RegistryHttpOptions {
  /** As references name it: `ghcr.io`, `localhost:5000`. */
  readonly host: string;
  /** Where the configuration speaks of it: `registry`. */
  readonly settings: string;
  /** As this process reaches it. */
  readonly apiUrl: string;
  /** PEM; null trusts the machine's certificate authorities. */
  readonly ca: string | null;
  /** Null: without signing in. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /** Until the answer's head; a body that goes on may take longer. */
  readonly timeoutMs: number;
  /** For a registry that nobody has configured: `lookup` of its connections, and what throws for another place that it names. */
  readonly guard?: { readonly lookup: LookupFunction; readonly check: (url: URL) => void };
}

export interface RegistryCall {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** From the root, or a whole URL where the registry gave one. */
  readonly path: string;
  /** What a token is asked for: `repository:acme/shop:pull,push`. */
  readonly scope: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A stream is sent once: the call has to be one that needs no further token. */
  readonly body?: Buffer | Readable;
  readonly signal: AbortSignal;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Bodies of answers that are kept whole: manifests, lists, tokens, errors. Source: the specification asks for 4 MiB of a manifest. */
const bodyBytesMax = 4 * 1024 * 1024;
/** What a registry asks us to wait is heard up to here. */
const retryAfterMsMax = 5 * 60_000;

export interface RegistryHttp {
  readonly host: string;
  /** The whole answer, whatever its status. Throws `unavailable`, `forbidden` (a certificate of another CA), `unauthorized`. */
  read(call: RegistryCall): Promise<RegistryAnswer>;
  /** The answer's head, its body still to be read or destroyed. Throws as `read` does. */
  open(call: RegistryCall): Promise<IncomingMessage>;
  close(): void;
}

export function createRegistryHttp(options: RegistryHttpOptions): RegistryHttp {
  const { ca, guard } = options;
  const agent = new Agent({ keepAlive: true, ...(ca !== null && { ca }), ...(guard && { lookup: guard.lookup }) });
  const tokens = new Map<string, string>();
  const open = (call: RegistryCall) => openAuthorized({ options, agent, tokens }, call);
  return {
    host: options.host,
    open,
    async read(call) {
      // What is sent as a stream takes its time; all else is short.
      const limit = call.body instanceof Readable ? [] : [AbortSignal.timeout(options.timeoutMs)];
      const signal = AbortSignal.any([call.signal, ...limit]);
      try {
        const response = await open({ ...call, signal });
        return { status: response.statusCode ?? 0, headers: response.headers, body: await readBody(options, response) };
      } catch (cause) {
        call.signal.throwIfAborted();
        throw cause instanceof AppError ? cause : unreachable(options, cause);
      }
    },
    close: () => agent.destroy(),
  };
}

interface Connection {
  readonly options: RegistryHttpOptions;
  readonly agent: Agent;
  /** The value of Authorization that fitted last, by scope. */
  readonly tokens: Map<string, string>;
}

async function openAuthorized(connection: Connection, call: RegistryCall): Promise<IncomingMessage> {
  const { options, tokens } = connection;
  // Most private registries take Basic: asking what they take would be a round trip more.
  const first = await exchange(connection, call, tokens.get(call.scope) ?? basicOf(options));
  if (first.statusCode !== 401) return followed(connection, call, checked(options, first));
  const challenge = first.headers["www-authenticate"] ?? "";
  first.resume();
  const authorization = await answerChallenge(connection, challenge, call);
  // A stream is spent.
  if (authorization === null || call.body instanceof Readable) throw refused(options);
  const second = await exchange(connection, call, authorization);
  if (second.statusCode === 401) {
    second.destroy();
    throw refused(options);
  }
  tokens.set(call.scope, authorization);
  return followed(connection, call, checked(options, second));
}

/** A registry may keep its blobs elsewhere: followed once, and our credentials stay here. */
async function followed(
  connection: Connection,
  call: RegistryCall,
  response: IncomingMessage,
): Promise<IncomingMessage> {
  const { statusCode = 0, headers } = response;
  const to = URL.parse(headers.location ?? "", connection.options.apiUrl);
  if (call.method !== "GET" || statusCode < 300 || statusCode > 399 || to?.protocol !== "https:") return response;
  response.destroy();
  return exchange(connection, { ...call, path: to.href }, null);
}

function checked(options: RegistryHttpOptions, response: IncomingMessage): IncomingMessage {
  if (response.statusCode !== 403) return response;
  response.destroy();
  throw refused(options);
}

function exchange(
  { options, agent }: Pick<Connection, "options" | "agent">,
  { method, path, headers, body, signal }: Omit<RegistryCall, "scope">,
  authorization: string | null,
  isRealm = false,
): Promise<IncomingMessage> {
  const url = new URL(path, options.apiUrl);
  const isOwnPlace = url.origin === new URL(options.apiUrl).origin;
  if (!isOwnPlace) options.guard?.check(url);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const head = new AbortController();
  const timer = setTimeout(
    () => head.abort(new Error(`no answer within ${options.timeoutMs / 1000} s`)),
    options.timeoutMs,
  );
  const sending = request(url, {
    ...{ agent, method, signal: AbortSignal.any([signal, head.signal]) },
    headers: {
      ...(method === "POST" && { "content-length": "0" }),
      ...headers,
      ...((isRealm || isOwnPlace) && authorization && { authorization }),
    },
  });
  sending.on("response", resolve);
  sending.on("error", (cause) => reject(head.signal.aborted ? head.signal.reason : cause));
  if (!(body instanceof Readable)) sending.end(body);
  else {
    // A long upload is no silence: its end is waited for from when the last byte was sent.
    body.on("data", () => timer.refresh());
    body.on("error", (cause) => sending.destroy(cause));
    body.pipe(sending);
  }
  return promise
    .catch((cause: unknown) => {
      throw unreachable(options, cause);
    })
    .finally(() => clearTimeout(timer));
}

/** The value for Authorization, or null when there is nothing to sign in with. */
async function answerChallenge(connection: Connection, challenge: string, call: RegistryCall): Promise<string | null> {
  const basic = basicOf(connection.options);
  // Basic was refused already.
  if (!/^bearer /i.test(challenge)) return null;
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  const realm = URL.parse(fields.realm ?? "");
  if (realm?.protocol !== "https:")
    throw new AppError("unavailable", `the registry ${connection.options.host} names no https:// place to sign in`);
  realm.searchParams.set("scope", call.scope);
  if (fields.service !== undefined) realm.searchParams.set("service", fields.service);
  const response = await exchange(connection, { method: "GET", path: realm.href, signal: call.signal }, basic, true);
  const body = await readBody(connection.options, response);
  if (response.statusCode !== 200) return null;
  const { token, access_token } = JSON.parse(body.toString("utf8")) as { token?: string; access_token?: string }; // both names are in use
  return `Bearer ${token ?? access_token}`;
}

function basicOf({ credentials }: RegistryHttpOptions): string | null {
  if (credentials === null) return null;
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
}

async function readBody({ host }: RegistryHttpOptions, stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax)
      throw new AppError("too_large", `the registry ${host} sent more than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function refused({ apiUrl, credentials, settings }: RegistryHttpOptions): AppError {
  const who = credentials === null ? "whoever has no user name" : `user "${credentials.username}"`;
  const message = `the registry ${apiUrl} refuses ${who}; check ${settings}.username and ${settings}.password_file`;
  return new AppError("unauthorized", message);
}

/** Codes of OpenSSL's verification as node:tls passes them on; all of them mean that the certificate is not from the CA given. */
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/;

function unreachable({ apiUrl, settings }: RegistryHttpOptions, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const { code, message } = cause as { code?: string; message?: string }; // node:https rejects with errors that have both
  if (certificateCodes.test(code ?? "")) {
    const text = `the certificate of ${apiUrl} is not signed by the configured CA (${code}); check ${settings}.ca_file`;
    return new AppError("forbidden", text, { cause });
  }
  const text = `the registry ${apiUrl} cannot be reached: ${message ?? String(cause)}; does it run, and is its address right?`;
  return new AppError("unavailable", text, { cause });
}

/** What an answer that nobody expected means: trouble that passes (429, 5xx) is `unavailable`, with the wait that was asked for. */
export function unexpectedAnswer(answer: RegistryAnswer, what: string): AppError {
  const { status } = answer;
  const text = answer.body.toString("utf8", 0, 300);
  const failure = knownTrouble(status, answer.body.toString("utf8", 0, 4_096));
  const details = { retryAfterMs: retryAfterMs(answer.headers["retry-after"]), ...(failure && { failure }) };
  return new AppError(codeOf(status), `the registry answered ${what} with ${status}: ${text}`, { details });
}

function codeOf(status: number): ErrorCode {
  if (status === 413) return "too_large";
  return status >= 500 || status === 429 ? "unavailable" : "internal";
}

/** Source: RFC 9110, 10.2.3: seconds, or a date. Null when it says nothing that can be read. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | null {
  if (header === undefined) return null;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), retryAfterMsMax);
}
