// Requests to a server's API: one of them throws what the server says is wrong, under its code.

import { z } from "zod";
import { AppError, type ErrorCode, errorCodes } from "../core/errors.ts";
import { plain } from "./text.ts";

/** Where a server is, and who asks. */
export interface Target {
  /** `http://127.0.0.1:8080`. */
  readonly server: URL;
  readonly token: string;
}

export type Query = Readonly<Record<string, string | number | null | undefined>>;

export interface Client {
  /** Of the server. */
  readonly origin: string;
  get(path: string, query?: Query): Promise<unknown>;
  /** `body`: null where the request has none. */
  post(path: string, body: object | null): Promise<unknown>;
  remove(path: string): Promise<void>;
  /** A body that is read as it comes, for as long as it takes. */
  open(path: string, query: Query, signal: AbortSignal): Promise<Response>;
}

/** A prune may take minutes. */
const answerMsMax = 10 * 60_000;
const api = "/api/v1";

/** Paths begin behind `/api/v1`. Each throws the server's problem, and `unavailable` where no server answers. */
export function createClient(target: Target): Client {
  const send = (path: string, init: RequestInit) => request(target, path, init);
  const within = () => ({ signal: AbortSignal.timeout(answerMsMax) });
  return {
    origin: target.server.origin,
    get: async (path, query = {}) => readJson(await send(withQuery(path, query), within())),
    post: async (path, body) =>
      readJson(
        await send(path, {
          method: "POST",
          ...(body !== null && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
          ...within(),
        }),
      ),
    remove: async (path) => {
      await send(path, { method: "DELETE", ...within() });
    },
    open: (path, query, signal) => send(withQuery(path, query), { signal }),
  };
}

/** An answer as this command knows it. Throws `unavailable` for one of another kind. */
export function readAs<T>(schema: z.ZodType<T>, answer: unknown, what: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const why = plain(z.prettifyError(parsed.error));
  throw new AppError("unavailable", `the server's answer is not ${what}: ${why}; are both of the same version?`);
}

/** A part of a path, whatever is in it. */
export function segment(text: string): string {
  return encodeURIComponent(text);
}

function withQuery(path: string, query: Query): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined) given.set(name, String(value));
  const text = given.toString();
  return text === "" ? path : `${path}?${text}`;
}

async function request({ server, token }: Target, path: string, init: RequestInit): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string> | undefined) }; // ours are plain objects
  // What redirects is not the server: a token is not sent on.
  const options: RequestInit = { ...init, headers, redirect: "manual" };
  const response = await fetch(new URL(api + path, server), options).catch((cause: Error) => {
    throw noAnswer(server, cause);
  });
  if (!response.ok) throw refusal(response.status, await response.json().catch(() => null), server);
  return response;
}

function noAnswer(server: URL, cause: Error): AppError {
  const why = cause.cause instanceof Error ? cause.cause.message || cause.cause.name : cause.message;
  const help = "does it run (mergedock serve), and is --server or MERGEDOCK_SERVER right?";
  return new AppError("unavailable", `no server answers at ${server.origin}: ${why}; ${help}`, { cause });
}

async function readJson(response: Response): Promise<unknown> {
  return response.json().catch((cause: unknown) => {
    const origin = new URL(response.url).origin;
    throw new AppError("unavailable", `what answers at ${origin} is not Mergedock's API: no JSON`, { cause });
  });
}

const helps: Partial<Readonly<Record<ErrorCode, string>>> = {
  unauthorized: "; name the file of a token that it knows with --token-file, or set MERGEDOCK_TOKEN",
  forbidden: "; a token of the role admin may do it",
};

/** Source: RFC 9457; the server's problems have their code as the title. */
function refusal(status: number, answer: unknown, { origin }: URL): AppError {
  const { title = "", detail = "" } = (answer ?? {}) as { title?: unknown; detail?: unknown }; // every field may be missing
  const code = errorCodes.find((one): one is ErrorCode => one === String(title).replaceAll(" ", "_"));
  if (code === undefined)
    return new AppError("unavailable", `what answers at ${origin} is not Mergedock's API: it says ${status}`);
  const said = plain(String(detail || title));
  const help = said.includes("--token-file") ? "" : (helps[code] ?? "");
  return new AppError(code, `the server answered ${status}: ${said}${help}`);
}
