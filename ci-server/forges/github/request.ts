// One question to GitHub's API, and what its refusals mean.
// Source: GitHub documentation, "Getting started with the REST API", "Rate limits for the REST API".

import { request as octokit } from "@octokit/request";
import { RequestError } from "@octokit/request-error";
import { AppError } from "../../core/errors.ts";

const answerMsMax = 30_000;
const secondMs = 1_000;

export interface AskOptions {
  /** Without a slash at its end. */
  readonly apiUrl: string;
  /** Value of the header. */
  readonly authorization: string;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | number | undefined>>;
  readonly data: unknown;
}

/** `route`: `GET /repos/{owner}/{repo}/hooks`; what of `parameters` is not in it goes into the query or the body. */
export async function ask(
  { apiUrl, authorization, signal }: AskOptions,
  route: string,
  parameters: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const headers = { authorization, "user-agent": "mergedock", "x-github-api-version": "2022-11-28" };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  try {
    const {
      status,
      headers: answered,
      data,
    } = await octokit(route, {
      ...parameters,
      ...{ baseUrl: apiUrl, headers, request: { signal: limited, redirect: "manual" } },
    });
    return { status, headers: answered, data };
  } catch (cause) {
    signal.throwIfAborted();
    throw toRefusal(cause, `${apiUrl} ${route}`);
  }
}

function toRefusal(cause: unknown, what: string): AppError {
  if (!(cause instanceof RequestError) || cause.response === undefined)
    return new AppError("unavailable", `${what}: no answer`, { cause });
  const { status, response } = cause;
  const says = `${what}: ${status} ${cause.message}`;
  const retryAfterMs = waitMs(response.headers);
  if (status === 429 || (status === 403 && retryAfterMs !== null))
    return new AppError("rate_limited", says, { cause, details: { retryAfterMs: retryAfterMs ?? 60 * secondMs } });
  const details = retryAfterMs === null ? {} : { retryAfterMs };
  if (status >= 500 || status === 408) return new AppError("unavailable", says, { cause, details });
  return new AppError(codes.get(status) ?? "invalid", says, { cause });
}

const codes = new Map([
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "not_found"],
  [410, "not_found"],
] as const) as ReadonlyMap<number, AppError["code"]>; // looked up by any number

/** Null where the answer names no time before which nothing is to be asked. */
function waitMs(headers: Answer["headers"]): number | null {
  const after = Number(headers["retry-after"]);
  if (headers["retry-after"] !== undefined && Number.isFinite(after)) return after * secondMs;
  if (String(headers["x-ratelimit-remaining"]) !== "0") return null;
  return Math.max(Number(headers["x-ratelimit-reset"]) * secondMs - Date.now(), secondMs);
}
