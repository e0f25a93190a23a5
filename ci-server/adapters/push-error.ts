// What the engine's words about a failed push mean: whether it may pass, and what to do about it.

import { AppError, type ErrorCode } from "../core/errors.ts";
import { type KnownFailure, withFailure } from "../core/failure.ts";
import { bodyTooLarge, registryInTrouble, registryIsFull } from "./registry-trouble.ts";

interface PushError {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly hint: string;
  readonly failure?: KnownFailure;
}

/** The first that fits. What fits none may pass, and is worth a retry. */
const pushErrors: readonly PushError[] = [
  { pattern: /toomanyrequests|\b429\b/i, code: "unavailable", hint: "the registry limits how often it is asked" },
  {
    pattern: /no space left|insufficient storage|quota|\b507\b/i,
    code: "unavailable",
    hint: "the registry has no room: see mergedock prune, and registry/README.md for its garbage collection",
    failure: registryIsFull,
  },
  {
    pattern: /\b413\b|request entity too large/i,
    code: "too_large",
    hint: "what stands before the registry limits the size of bodies (nginx: client_max_body_size 0)",
    failure: bodyTooLarge,
  },
  {
    pattern: /unauthorized|authentication required|no basic auth credentials/i,
    code: "unauthorized",
    hint: "check registry.username and registry.password_file",
  },
  {
    pattern: /denied|forbidden/i,
    code: "unauthorized",
    hint: "the registry's user may not push there; check its rights",
  },
  {
    pattern: /x509|certificate/i,
    code: "forbidden",
    hint: "let the engine trust the CA: see registry/README.md",
  },
  {
    pattern: /server gave HTTP response to HTTPS client/i,
    code: "forbidden",
    hint: "the registry has to speak TLS: see registry/README.md",
  },
  {
    pattern: /no such host/i,
    code: "unavailable",
    hint: "registry.push_host has to be a name that the engine's machine can resolve",
  },
  { pattern: /connection refused/i, code: "unavailable", hint: "is the registry running?" },
  {
    // Of a full disk Distribution says no more than this to an engine.
    pattern: /unexpected HTTP status:? 5\d\d|\b500 Internal Server Error/i,
    code: "unavailable",
    hint: "its own log says why",
    failure: registryInTrouble,
  },
  {
    pattern: /(?:manifest|name|tag|blob upload|digest|size) (?:is )?invalid|unsupported/i,
    code: "internal",
    hint: "the registry does not take this image; see its own log",
  },
];

/** The engine's stream reports a failed push as text. */
export function toPushError(pushHost: string, error: unknown): unknown {
  if (!(error instanceof AppError) || error.code !== "build_failed") return error;
  const known = pushErrors.find(({ pattern }) => pattern.test(error.message));
  const message = `pushing to ${pushHost} failed: ${error.message}${known === undefined ? "" : `; ${known.hint}`}`;
  const told = new AppError(known?.code ?? "unavailable", message, { cause: error });
  return known?.failure === undefined ? told : withFailure(told, known.failure);
}
