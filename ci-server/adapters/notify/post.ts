// Sends a request to a URL of the operator's own, and says what came of it without saying the URL, which may hold a secret.

import { AppError } from "../../core/errors.ts";

export interface Post {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** Throws `unavailable` when it may be taken later, `not_found` when it was said that it never will. Follows no redirect. */
export async function post({ url, headers, body, signal }: Post): Promise<void> {
  const response = await fetch(url, { method: "POST", headers, body, signal, redirect: "manual" }).catch(
    (cause: unknown) => {
      throw new AppError("unavailable", signal.aborted ? "it did not answer in time" : describe(cause), { cause });
    },
  );
  // What it says is not wanted, however long it is.
  await response.body?.cancel().catch(() => undefined);
  const { status } = response;
  if (status >= 200 && status < 300) return;
  if (status === 410) throw new AppError("not_found", "it answered 410: it wants no more of these");
  const why =
    status >= 300 && status < 400 ? "a redirect, which is not followed: configure the address it leads to" : "";
  const retryAfterMs = readRetryAfter(response.headers.get("retry-after"));
  const message = `it answered ${status}${why && `, ${why}`}`;
  throw new AppError("unavailable", message, { details: retryAfterMs === null ? {} : { retryAfterMs } });
}

/** Of undici's errors the cause has what happened. */
function describe(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : "the connection broke";
  return `it cannot be reached (${code})`;
}

/** Seconds, or a date: RFC 9110, 10.2.3. */
function readRetryAfter(text: string | null): number | null {
  if (text === null) return null;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : null;
}
