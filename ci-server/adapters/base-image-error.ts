// Why the engine did not get a base image, and what to do about it.

import { parseBaseReference } from "../core/base-reference.ts";
import { AppError, type ErrorCode } from "../core/errors.ts";
import type { KnownFailure } from "../core/failure.ts";

interface Reason {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  hint(host: string): string;
}

/** The first that fits: the hub calls what it does not have both unknown and denied. */
const reasons: readonly Reason[] = [
  {
    pattern: /toomanyrequests|\b429\b/i,
    code: "unavailable",
    hint: (host) =>
      `${host} limits how often it is asked; with a user name and a password under "registries" it may be asked more often`,
  },
  {
    pattern: /x509|certificate|server gave HTTP response to HTTPS client/,
    code: "forbidden",
    hint: (host) =>
      `let the engine trust the registry's CA: put it into /etc/docker/certs.d/${host}/ca.crt on the engine's machine`,
  },
  {
    pattern: /unauthorized|no basic auth|authentication required|denied|\b40[13]\b|failed to authorize/i,
    code: "unauthorized",
    hint: (host) =>
      `check the name, and give a user name and a password for ${host} under "registries" in mergedock.yml`,
  },
  {
    pattern: /manifest unknown|name unknown|not found|no such host|invalid reference|no match for platform/,
    code: "build_failed",
    hint: () => "check its name and its tag",
  },
];

/** `unavailable`, and so worth another try, when nothing is known against it. */
export function baseImageError(reference: string, words: string, cause: unknown): AppError {
  const host = parseBaseReference(reference)?.host ?? "the registry";
  const known = reasons.find(({ pattern }) => pattern.test(words));
  const hint = known?.hint(host) ?? `is ${host} running, and can the engine's machine reach it?`;
  // Who knows the Dockerfile adds its line: see core/base-line.ts.
  const failure: KnownFailure = { kind: "base_image", hint };
  const message = `the base image ${reference} cannot be had: ${words}; ${hint}`;
  return new AppError(known?.code ?? "unavailable", message, { cause, details: { failure, base: reference } });
}
