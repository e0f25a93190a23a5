// Reads what git says on stderr when a fetch fails.

import { AppError, type ErrorCode } from "../core/errors.ts";
import type { Repository } from "../core/recipe.ts";

interface Known {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly message: (repository: Repository, ref: string) => string;
}

const known: readonly Known[] = [
  {
    pattern: /couldn't find remote ref|not our ref/,
    code: "not_found",
    message: (repository, ref) =>
      `${repository.name} has no ${ref}; a branch, a tag, or a commit with all of its digits can be built`,
  },
  {
    pattern: /Authentication failed|could not read Username|error: 40[13]\b/,
    code: "unauthorized",
    message: (repository) => `${repository.url} refuses access; it has to be readable without a password`,
  },
  {
    pattern: /repository .* not found|error: 404\b/,
    code: "not_found",
    message: (repository) =>
      `there is no repository at ${repository.url}; check "url" of ${repository.name} in mergedock.yml`,
  },
  {
    pattern: /unable to update url base from redirection|error: 30[1278]\b/,
    code: "invalid",
    message: (repository) =>
      `${repository.url} answers with a redirect, which is not followed; write its target into mergedock.yml`,
  },
  {
    pattern: /fsck error/,
    code: "invalid",
    message: (repository, ref) => `${ref} of ${repository.name} has an object that git's own check (fsck) refuses`,
  },
  {
    pattern: /SSL certificate problem|server certificate verification failed/,
    code: "invalid",
    message: (repository) => `the certificate of ${repository.url} is not trusted by this machine`,
  },
];

/** Anything that is not known is taken for trouble of the remote or the way to it, which may pass: `unavailable`. */
export function toGitError(cause: unknown, repository: Repository, ref: string): AppError {
  const text = cause instanceof Error ? cause.message : String(cause);
  const match = known.find((entry) => entry.pattern.test(text));
  if (match !== undefined) return new AppError(match.code, match.message(repository, ref), { cause });
  const lines = text.trim().split("\n");
  // What git says last is advice; what happened stands where it says "fatal", or first.
  const what = lines.find((line) => /^(?:fatal|error|ssh):/.test(line)) ?? lines[0] ?? "";
  const details = {
    brokenMirror: /cannot lock ref|\.lock'|update local ref|bad object|not a git repository/i.test(text),
  };
  return new AppError("unavailable", `${ref} of ${repository.url} could not be fetched: ${what}`, { cause, details });
}
