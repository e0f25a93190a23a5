// What the engine's refusals mean: who has to do something about them, and what.

import { AppError } from "../core/errors.ts";

/** Without a status the engine was not reached, from 500 on it is in trouble itself: what else it says of a build is the user's to mend. */
export function toEngineError(host: string, cause: unknown): AppError {
  const { statusCode } = cause as { statusCode?: number };
  if (statusCode === undefined) return unreachable(host, cause);
  const message = wordsOf(cause);
  const details = { statusCode, words: message };
  if (statusCode < 500) return new AppError("build_failed", message, { cause, details });
  return new AppError("unavailable", `the Docker engine at ${host} is in trouble: ${message}`, { cause, details });
}

/** Of a stream the modem has read the answer into the middle of its own sentence: `(HTTP code 404) unexpected - words `. */
function wordsOf(cause: unknown): string {
  const { json, message } = cause as { json?: { message?: string } | null; message?: string };
  return json?.message ?? (message ?? String(cause)).replace(/^\(HTTP code \d+\) .*? - /, "").trim();
}

/** Nothing of a session is the user's: an engine takes it, unless something in front of it does not let it through. */
export function sessionRefused(host: string, cause: unknown): AppError {
  const { statusCode } = cause as { statusCode?: number };
  if (statusCode === undefined) return unreachable(host, cause);
  const hint = "what stands in front of it has to let POST /session through";
  const message = `the Docker engine at ${host} took no session (${statusCode} ${wordsOf(cause)}); ${hint}`;
  return new AppError("unavailable", message, { cause });
}

export function unreachable(host: string, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `the Docker engine at ${host} cannot be reached: ${why}; is it running, and may this user open it?`;
  return new AppError("unavailable", message, { cause });
}
