// One question to GitHub's API over HTTP: bounded in time and bytes, redirected on its own host only, asked again with what was
// remembered of the last answer.
// Source: GitHub documentation, "Getting started with the REST API", "Best practices for using the REST API".

import { request as octokit } from "@octokit/request";
import { RequestError } from "@octokit/request-error";
import { AppError } from "../../core/errors.ts";
import type { Answer, Parameters } from "./answer.ts";
import { readBounded } from "./bounded-answer.ts";
import { noAnswer, type RefusalParts, toRefusal } from "./refusal.ts";
import type { Remembered } from "./remembered.ts";

export interface AskOptions extends Omit<RefusalParts, "what"> {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  /** Value of the header; null: asked as nobody. */
  readonly authorization: string | null;
  readonly signal: AbortSignal;
  readonly limits: AskLimits;
  /** Answers that cost nothing to be asked for again while they are the same; null: none is. */
  readonly remembered?: Remembered | null;
}

export interface AskLimits {
  readonly answerMsMax: number;
  readonly answerBytesMax: number;
}

/** `route`: `GET /repos/{owner}/{repo}/hooks`; what of `parameters` is not in it goes into the query or the body. */
export async function ask(options: AskOptions, route: string, parameters: Parameters): Promise<Answer> {
  const { apiUrl, authorization, remembered = null } = options;
  const headers = {
    ...(authorization === null ? {} : { authorization }),
    ...{ "user-agent": "mergedock", "x-github-api-version": "2022-11-28" },
  };
  const { method, url, body, ...parsed } = octokit.endpoint(route, { ...parameters, baseUrl: apiUrl, headers });
  const known = method === "GET" ? remembered?.of(url) : undefined;
  const conditional = known === undefined ? {} : { "if-none-match": known.etag };
  const sent = { method, url, body, headers: { ...parsed.headers, ...conditional } };
  const answer = await send(options, sent, describe(route, parameters));
  if (answer.status === 304 && known !== undefined) return { ...known.answer, headers: answer.headers };
  if (method === "GET") remembered?.keep(url, answer);
  return answer;
}

type Sent = Pick<ReturnType<typeof octokit.endpoint>, "method" | "url" | "headers" | "body">;

async function send(options: AskOptions, sent: Sent, what: string): Promise<Answer> {
  const first = await sendOnce(options, sent, what);
  if (![301, 302, 307, 308].includes(first.status)) return first;
  const to = redirectOf(options.apiUrl, first, what);
  const second = await sendOnce(options, { ...sent, url: to }, what);
  if (second.status < 400 && second.status >= 300 && second.status !== 304)
    throw new AppError("invalid", `${what}: ${options.apiUrl} redirects more than once`);
  return second;
}

/** GitHub sends whoever asks for a renamed repository to its number. A token goes to no other host, and to nothing else there. */
function redirectOf(apiUrl: string, { headers }: Answer, what: string): string {
  const to = URL.parse(String(headers.location ?? ""), `${apiUrl}/`);
  const own = new URL(apiUrl);
  const path = own.pathname.replace(/\/$/, "");
  const isNumber = to?.pathname.startsWith(`${path}/repositories/`) === true;
  if (to !== null && to.origin === own.origin && isNumber) return to.href;
  const where = to === null ? "nowhere" : to.origin;
  const fix = "check api.url and the repository's name in mergedock.yml";
  throw new AppError("invalid", `${what}: answered with a redirect to ${where}, which is not followed; ${fix}`);
}

async function sendOnce(options: AskOptions, { method, url, headers, body }: Sent, what: string): Promise<Answer> {
  const { signal, limits } = options;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(limits.answerMsMax)]);
  const fetching = (input: string, init: RequestInit) => readBounded(input, init, limits.answerBytesMax);
  try {
    const { data, ...answer } = await octokit({
      ...{ method, url, headers, ...(body === undefined ? {} : { data: body }) },
      request: { signal: limited, redirect: "manual", fetch: fetching, log: quiet },
    });
    return { status: answer.status, headers: answer.headers, data };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof RequestError && cause.cause instanceof AppError) throw cause.cause;
    if (!(cause instanceof RequestError) || cause.response === undefined)
      throw noAnswer({ ...options, what }, limited.aborted ? limits.answerMsMax : null, cause);
    const { status, response } = cause;
    if (status === 304) return { status, headers: response.headers, data: null };
    throw toRefusal({ ...options, what }, { status, headers: response.headers, message: cause.message });
  }
}

/** A word on what GitHub will remove some day is none for an operator's log. */
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The route with its names filled in: `GET /repos/acme/shop/hooks`. */
function describe(route: string, parameters: Parameters): string {
  return route.replace(/\{(\w+)\}/g, (whole, name: string) =>
    parameters[name] === undefined ? whole : String(parameters[name]),
  );
}
