// Reads what git says on stderr when a fetch fails.

import { AppError, type ErrorCode } from "../core/errors.ts";
import type { KnownFailure } from "../core/failure.ts";
import type { Repository } from "../core/recipe.ts";
import type { Entry } from "./git-access.ts";

export interface FailedFetch {
  readonly repository: Repository;
  /** The repository's own, or a submodule's. */
  readonly url: string;
  readonly entry: Entry;
  readonly ref: string;
}

interface Known {
  readonly pattern: RegExp;
  readonly code: ErrorCode;
  readonly message: (failed: FailedFetch) => string;
  /** Where it is not the remote that fails, but what the commit holds or refers to. */
  readonly failure?: (failed: FailedFetch) => KnownFailure;
}

const ofSubmodule =
  (hint: string) =>
  ({ repository, url }: FailedFetch): KnownFailure =>
    url === repository.url ? {} : { kind: "source", hint };

const known: readonly Known[] = [
  {
    pattern: /couldn't find remote ref|not our ref/,
    code: "not_found",
    message: ({ repository, url, ref }) =>
      url === repository.url
        ? `${repository.name} has no ${ref}; a branch, a tag, or a commit with all of its digits can be built`
        : `the submodule at ${url} has no ${ref}; was that commit ever pushed?`,
    failure: ofSubmodule("push the submodule's commit, or let the repository name one that its submodule has"),
  },
  {
    pattern: /Authentication failed|could not read Username|error: 40[13]\b|Permission denied \(/,
    code: "unauthorized",
    message: refused,
  },
  {
    pattern: /Host key verification failed/,
    code: "forbidden",
    message: ({ url }) =>
      `the key of ${new URL(url).host} is not the one in access.known_hosts_file; if it has changed, get the new one from the host's own pages`,
  },
  {
    pattern: /repository .* not found|Repository not found|does not appear to be a git repository|error: 404\b/,
    code: "not_found",
    message: ({ repository, url, entry }) =>
      `there is no repository at ${url}${entry.access === null ? "" : ", or it does not show itself to this access"}; check "${
        url === repository.url ? "url" : "submodules"
      }" of ${repository.name} in mergedock.yml`,
    failure: ofSubmodule("correct the submodule's url in .gitmodules, or let this server read that repository"),
  },
  {
    pattern: /unable to update url base from redirection|error: 30[1278]\b/,
    code: "invalid",
    message: ({ url }) => `${url} answers with a redirect, which is not followed; write its target into mergedock.yml`,
  },
  {
    pattern: /fsck error/,
    code: "invalid",
    message: ({ repository, ref }) => `${ref} of ${repository.name} has an object that git's own check (fsck) refuses`,
    failure: () => ({
      kind: "source",
      hint: "see what git fsck --full says in a clone, and take the object out of the repository's history",
    }),
  },
  {
    pattern: /SSL certificate problem|server certificate verification failed/,
    code: "invalid",
    message: ({ url }) => `the certificate of ${url} is not trusted by this machine`,
  },
];

function refused({ repository, url, entry: { access } }: FailedFetch): string {
  if (access?.kind === "token")
    return `${url} refuses the token of access.token_file (${access.tokenFile}); has it ended, and may it read the repository?`;
  if (access?.kind === "github_app")
    return `${url} refuses the token of app ${access.appId}; give the app the permission "Contents: read"`;
  if (access?.kind === "deploy_key")
    return `${url} refuses the key of access.deploy_key_file (${access.deployKeyFile}); add its public half to the repository's deploy keys`;
  const help = `it has to be readable without a password, or ${repository.name} needs "access" in mergedock.yml`;
  if (repository.access === null) return `${url} refuses access; ${help}`;
  return `${url} refuses access; the access of ${repository.name} is for its own host only`;
}

/** Anything that is not known is taken for trouble of the remote or the way to it, which may pass: `unavailable`. */
export function toGitError(thrown: unknown, failed: FailedFetch): AppError {
  // git prints what a host answers, and that may be what it was sent.
  const text = withoutSecrets(thrown instanceof Error ? thrown.message : String(thrown), failed.entry.secrets);
  const options = { cause: new Error(text) };
  const match = known.find((entry) => entry.pattern.test(text));
  if (match !== undefined) {
    const failure = match.failure?.(failed);
    return new AppError(match.code, match.message(failed), { ...options, ...(failure && { details: { failure } }) });
  }
  const lines = text.trim().split("\n");
  // What git says last is advice; what happened stands where it says "fatal", or first.
  const what = lines.find((line) => /^(?:fatal|error|ssh):/.test(line)) ?? lines[0] ?? "";
  const details = {
    brokenMirror: /cannot lock ref|\.lock'|update local ref|bad object|not a git repository/i.test(text),
    objectFormat: /mismatched algorithms: client \w+; server (sha1|sha256)\b/.exec(text)?.[1],
    isCut: /died of signal 25|invalid index-pack output/.test(text),
  };
  const message = `${failed.ref} of ${failed.url} could not be fetched: ${what}`;
  return new AppError("unavailable", message, { ...options, details });
}

function withoutSecrets(text: string, secrets: readonly string[]): string {
  return secrets.reduce((kept, secret) => kept.replaceAll(secret, "***"), text);
}
