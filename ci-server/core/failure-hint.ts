// One thing to do next about a failure: by what the texts of engines, package managers and registries mean, or by its kind.

import type { FailedStep, FailureKind } from "./failure.ts";
import { overLimitHint, tooMuchMemory } from "./over-limit.ts";

export interface HintRequest {
  readonly kind: FailureKind;
  /** The message and what the failing step printed last. */
  readonly text: string;
  readonly step: FailedStep | null;
}

interface Known {
  readonly kinds: readonly FailureKind[];
  readonly pattern: RegExp;
  readonly hint: (match: RegExpExecArray) => string;
}

const inSteps = ["step"] as const;

/** The first that fits. */
const known: readonly Known[] = [
  {
    kinds: inSteps,
    pattern: /sh: (?:line \d+: |\d+: )?(\S+): (?:command )?not found/,
    hint: ([, program]) => `install ${program} in an earlier step, or correct its name: the image has no such command`,
  },
  {
    kinds: inSteps,
    pattern: /stat (\/bin\/\S*sh): no such file/,
    hint: ([, shell]) =>
      `the image has no ${shell}: write the step as a list, RUN ["program", "argument"], or take a base image with a shell`,
  },
  {
    kinds: inSteps,
    pattern: /exec: "([^"]+)": (?:stat \S+: no such file|executable file not found)/,
    hint: ([, program]) => `the image has no ${program}: COPY or install it in an earlier step`,
  },
  {
    kinds: inSteps,
    pattern: /exec format error/,
    hint: () => "the program was made for another processor: take a base image, or a program, of the engine's platform",
  },
  {
    kinds: inSteps,
    pattern:
      /npm ci.*can only install with an existing package-lock|package-lock\.json.*(?:are not in sync|out of sync)|npm ci.*can only install packages when your package\.json and package-lock/s,
    hint: () => "commit the package-lock.json that fits package.json, and COPY both before npm ci",
  },
  {
    kinds: inSteps,
    pattern: /frozen.lockfile|lockfile .*(?:needs to be updated|would have been modified|is not up.to.date)/i,
    hint: () => "commit the lock file that fits package.json, and COPY both before the installation",
  },
  {
    kinds: inSteps,
    pattern: /EACCES|permission denied/i,
    hint: () =>
      "a file may not be opened or run by this user: COPY it with --chown or --chmod, or run the step before USER",
  },
  {
    kinds: inSteps,
    pattern:
      /Temporary failure (?:resolving|in name resolution)|Could not resolve host|EAI_AGAIN|ENOTFOUND|network is unreachable/i,
    hint: () => "the step cannot reach the network: see which addresses the engine's machine can resolve and reach",
  },
  {
    kinds: inSteps,
    pattern: /certificate verify failed|unable to get local issuer certificate|SELF_SIGNED_CERT|x509:/i,
    hint: () =>
      "the step does not trust the server's certificate: COPY the CA into the image and run update-ca-certificates",
  },
  {
    kinds: ["dockerfile"],
    pattern: /target stage "?([^\s"]+)"? could not be found/,
    hint: ([, stage]) => `name one of the Dockerfile's stages as "target": there is no "FROM ... AS ${stage}"`,
  },
  {
    kinds: ["dockerfile"],
    pattern: /^there is no (.*) in (.*) of this commit/m,
    hint: ([, file, folder]) =>
      `commit ${file} in ${folder}, or correct "dockerfile" and "context", to which it is relative`,
  },
  {
    kinds: ["dockerfile"],
    pattern: /unknown instruction: ([^\s(]+)/i,
    hint: ([, word]) =>
      `correct "${word}": it is no instruction of a Dockerfile, or the line before it lacks a \\ at its end`,
  },
  {
    kinds: ["context"],
    pattern: /"?\/([^"\n]+)"?:? not found/,
    hint: ([, file]) =>
      `commit "${file}", or let .dockerignore not leave it out, or correct its path: it is relative to the context`,
  },
  {
    kinds: ["base_image"],
    pattern: /pull access denied|insufficient_scope|unauthorized|authentication required|403 Forbidden|denied/i,
    hint: () =>
      'correct the image in FROM, or list its registry with username and password_file under "registries" in mergedock.yml',
  },
  {
    kinds: ["base_image"],
    pattern: /toomanyrequests|429 Too Many/i,
    hint: () =>
      'list the registry with an account under "registries" in mergedock.yml: it lets those who sign in pull more',
  },
  {
    kinds: ["base_image"],
    pattern: /manifest unknown|manifest for .* not found|: not found|no match for platform/i,
    hint: () => "correct the image in FROM: its registry has none of that name, tag and platform",
  },
  {
    kinds: ["base_image"],
    pattern: /x509/,
    hint: () => "let the engine trust the registry's CA: see registry/README.md",
  },
  {
    kinds: ["base_image"],
    pattern: /connection refused|no such host|network is unreachable|i\/o timeout|dial tcp/,
    hint: () => "see whether the registry in FROM runs, and whether the engine's machine can reach it",
  },
  {
    kinds: ["registry"],
    pattern: /x509|certificate/,
    hint: () => "let the engine trust the registry's CA (registry/README.md), and check registry.ca_file",
  },
  {
    kinds: ["registry"],
    pattern: /unauthorized|authentication required|refuses user|denied/,
    hint: () => "check registry.username and registry.password_file in mergedock.yml",
  },
  {
    kinds: ["registry"],
    pattern: /no such host/,
    hint: () => "let registry.push_host be a name that the engine's machine can resolve",
  },
  {
    kinds: ["registry"],
    pattern: /connection refused|cannot be reached|ECONNREFUSED|i\/o timeout|no route/,
    hint: () => "see whether the registry runs, and whether registry.push_host and registry.api_url lead to it",
  },
  {
    kinds: ["registry"],
    pattern: /something else writes this tag/,
    hint: () => "let nothing but this server push to the repository's images",
  },
  {
    kinds: ["engine"],
    pattern: /\bnetwork (\S+) not found\b/,
    hint: ([, network]) =>
      `the engine has no network for steps: let docker network ls show "${network}"; dockerd makes none with --bridge=none`,
  },
  {
    kinds: ["timeout"],
    pattern: /limits\.build_seconds_max/,
    hint: () => "make the build faster, or raise limits.build_seconds_max in mergedock.yml",
  },
  {
    kinds: ["timeout"],
    pattern: /the engine said nothing/,
    hint: () => "let the step print what it does, or raise limits.build_silence_seconds_max in mergedock.yml",
  },
  {
    kinds: ["timeout"],
    pattern: /limits\.git_seconds_max/,
    hint: () => "see whether the forge is slow, or raise limits.git_seconds_max in mergedock.yml",
  },
  {
    kinds: ["git"],
    pattern: /has no refs\/|has no \S+; a branch/,
    hint: () => "ask for a branch, a tag or a commit that the repository has",
  },
  {
    kinds: ["git"],
    pattern: /is not on|does not have/,
    hint: () => "see whether the branch was rewritten after the merge; what is on it can be merged, and built, again",
  },
  {
    kinds: ["git"],
    pattern: /refuses access/,
    hint: () => "give the server access to the repository, or let it be readable without a password",
  },
  {
    kinds: ["recipe"],
    pattern: /^(\S+) has \d+ bytes; it may have \d+ at most/,
    hint: ([, file]) => `make ${file} smaller, or raise limits.recipe_file_bytes_max in mergedock.yml`,
  },
  {
    kinds: ["recipe"],
    pattern: /^(\S+) is (?:a folder|a link|a submodule|no file); it has to be a regular file/,
    hint: ([, file]) => `commit ${file} itself, as a regular file`,
  },
  { kinds: ["git"], pattern: /there is no repository/, hint: () => 'correct the repository\'s "url" in mergedock.yml' },
  {
    kinds: ["cancelled"],
    pattern: /superseded by #(\d+)/,
    hint: ([, id]) => `look at build ${id}: it has all that this one had`,
  },
];

const byExitCode: Readonly<Record<number, string>> = {
  126: "the file is no program, or may not be run: COPY it with --chmod=755",
  127: "a command was not found: install it in an earlier step, or correct its name",
  137: tooMuchMemory,
  139: "the program crashed (segmentation fault): try it outside of the build, with the same base image",
};

const byKind: Readonly<Record<FailureKind, string>> = {
  dockerfile: "correct the Dockerfile",
  step: "look at the last lines that the step printed; docker build runs the same step on your own machine",
  context: 'correct "context" and what it holds',
  base_image: "correct the image in FROM, or see whether its registry can be reached",
  timeout: "make it faster, or raise the limit in mergedock.yml",
  limit: "let it take less, or raise the limit in mergedock.yml",
  registry: "GET /readyz says what the server sees of the registry",
  git: "see whether the forge answers, then ask for the build again",
  tag_exists: "give the new content a new version: a version's tag is never moved",
  disk: "make room on the engine's disk (docker system df shows what takes it), then ask for the build again",
  recipe: "correct .mergedock.yml, or what mergedock.yml says of the repository",
  secret: "name the secret's file under the repository's \"secrets\" in mergedock.yml",
  cancelled: "ask for the build again when it is wanted after all",
  engine: "GET /readyz says what the server sees of the Docker engine",
  source: "correct what the repository refers to, or what mergedock.yml allows of it",
  internal: "look at the server's own log, then ask for the build again",
};

export function hintFor({ kind, text, step }: HintRequest): string {
  const limited = overLimitHint(kind, text);
  if (limited !== null) return limited;
  for (const { kinds, pattern, hint } of known) {
    const match = kinds.includes(kind) ? pattern.exec(text) : null;
    if (match !== null) return hint(match);
  }
  if (kind === "dockerfile" && step?.dockerfileLine) return `correct line ${step.dockerfileLine} of the Dockerfile`;
  const isOfStep = kind === "step" || kind === "limit";
  return (isOfStep ? byExitCode[step?.exitCode ?? 0] : undefined) ?? byKind[kind];
}
