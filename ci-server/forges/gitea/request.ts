// One question to Gitea's or Forgejo's API, and what its refusals mean.
// Source: docs.gitea.com, "API Usage"; github.com/go-gitea/gitea, services/context/api.go (APIError) and access_token_scope.go.

import type { z } from "zod";
import { readAtMost } from "../../adapters/bounded-stream.ts";
import { AppError } from "../../core/errors.ts";

const secondMs = 1_000;

export interface AskLimits {
  readonly answerMsMax: number;
  /** All comments of a pull request come at once. */
  readonly answerBytesMax: number;
}

export interface AskOptions {
  /** `https://git.acme.test/api/v1/repos/acme/shop/hooks`. */
  readonly url: string;
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** JSON; null: none. */
  readonly body: unknown;
  /** Value of the header; null: asked as nobody. */
  readonly authorization: string | null;
  readonly limits: AskLimits;
  readonly signal: AbortSignal;
}

/** `data`: parsed; null where there is no body. How many questions are left it never says. */
export interface Answer {
  readonly data: unknown;
  readonly allowance: null;
}

export interface Question<T> {
  readonly as: z.ZodType<T>;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** `path`: below a place in the API. Throws `unavailable` where what is answered is not as it should be. */
export type Ask = <T>(method: AskOptions["method"], path: string, question: Question<T>) => Promise<T>;

export async function ask({ url, method, body, authorization, limits, signal }: AskOptions): Promise<Answer> {
  const what = `${method} ${url}`;
  signal.throwIfAborted();
  try {
    const response = await fetch(url, {
      method,
      headers: {
        accept: "application/json",
        ...(authorization === null ? {} : { authorization }),
        "content-type": "application/json",
        "user-agent": "mergedock",
      },
      body: body === null ? null : JSON.stringify(body),
      // A redirect would take the token along.
      ...{ signal: AbortSignal.any([signal, AbortSignal.timeout(limits.answerMsMax)]), redirect: "manual" },
    });
    const text = await readText(response, what, limits);
    if (!response.ok) throw toRefusal(response, hide(messageOf(text), [authorization, body]), what);
    return { data: text === "" ? null : (JSON.parse(text) as unknown), allowance: null };
  } catch (cause) {
    signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError("unavailable", `${what}: no answer of an API`, { cause });
  }
}

async function readText({ body }: Response, what: string, { answerBytesMax }: AskLimits): Promise<string> {
  const bytes = await readAtMost(body, answerBytesMax);
  if (bytes !== null) return bytes.toString("utf8");
  throw new AppError(
    "invalid",
    `${what}: answered with more than ${answerBytesMax} bytes (limits.forge_answer_bytes_max)`,
  );
}

/** `message` names the scope that a token lacks. */
function toRefusal({ status, headers }: Response, message: string, what: string): AppError {
  const says = `${what}: ${status} ${message}`.trim();
  if (status >= 300 && status < 400) {
    const fix = "it is not followed; check api.url and the repository's name in mergedock.yml";
    return new AppError("invalid", `${says}: a redirect to ${headers.get("location")}: ${fix}`);
  }
  const after = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(after) ? after * secondMs : null;
  if (status === 429)
    return new AppError("rate_limited", says, { details: { retryAfterMs: retryAfterMs ?? 60 * secondMs } });
  const details = retryAfterMs === null ? {} : { retryAfterMs };
  if (status >= 500 || status === 408) return new AppError("unavailable", says, { details });
  return new AppError(codes.get(status) ?? "invalid", says);
}

const codes: ReadonlyMap<number, AppError["code"]> = new Map([
  [401, "unauthorized"],
  [403, "forbidden"],
  [404, "not_found"],
  [410, "not_found"],
]);

const messageLengthMax = 300;

/** Whatever the forge repeats of what it was sent: the token, and the secret of a hook. */
function hide(message: string, [authorization, body]: readonly [string | null, unknown]): string {
  const { config } = (body ?? {}) as { config?: { secret?: unknown } }; // whatever it is: it is looked at
  const secrets = [authorization?.replace(/^token /, ""), config?.secret];
  const hidden = secrets.reduce<string>(
    (text, secret) => (typeof secret === "string" && secret !== "" ? text.replaceAll(secret, "***") : text),
    message,
  );
  // Cut before, a part of a secret would be left.
  return hidden.slice(0, messageLengthMax);
}

/** `{"message": "…", "url": "…/api/swagger"}`, or the page of a proxy, which says nothing. */
function messageOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown }; // whatever it is: it is looked at
    return typeof message === "string" ? message : "";
  } catch {
    return "";
  }
}
