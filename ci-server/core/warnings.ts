// What an operator should know though all works: pure, from what the server knows of itself and of its engine.

import { isAskable } from "./forge-settings.ts";
import { holesOf } from "./known-holes.ts";
import type { Repository } from "./recipe.ts";

export interface Warning {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}

export interface SystemFacts {
  /** As the engine says it: `20.10.24+dfsg1`; null where it is not known. */
  readonly engineVersion: string | null;
  readonly attestationsEnabled: boolean;
  /** Null: images stay in the registry for ever. */
  readonly keepLast: number | null;
  readonly freeBytesMin: number;
  /** Address that the API is bound to. */
  readonly apiHost: string;
  /** As the engine sees the registry. */
  readonly pushHost: string;
  readonly engineHost: string;
  readonly repositories: number;
  /** The URLs of those that git reads without TLS. */
  readonly plainUrls: readonly string[];
  /** Names of those that are to obey comments, and whose forge sends none or cannot be asked who may give them. */
  readonly commandsUnasked: readonly string[];
  /** Forges are told of builds, and nobody said under which address people reach this server. */
  readonly reportsLackLinks: boolean;
  /** What could not be told of late; null: nothing. */
  readonly failingReports: { readonly count: number; readonly buildId: number; readonly problem: string } | null;
}

type Rule = (facts: SystemFacts) => Warning | null;

const rules: readonly Rule[] = [
  ({ repositories }) =>
    repositories > 0
      ? null
      : {
          code: "no_repositories",
          message: "no repository is configured: every delivery is skipped",
          fix: 'list one under "repositories" in mergedock.yml',
        },
  ({ engineVersion }) => (engineVersion === null ? null : engineHole(engineVersion)),
  ({ engineHost }) =>
    engineHost.startsWith("tcp:") && !isLoopback(new URL(engineHost).hostname)
      ? {
          code: "engine_plain",
          message: `the engine at ${engineHost} is reached without TLS: whoever reaches it is root there`,
          fix: "reach it over its socket, or over a tunnel that ends on this machine (docs/engine.md)",
        }
      : null,
  ({ attestationsEnabled }) =>
    attestationsEnabled
      ? null
      : {
          code: "attestations_off",
          message: "attestations are off: nothing proves which merge an image comes from",
          fix: "remove attestations.enabled from mergedock.yml, or set it to true",
        },
  ({ keepLast }) =>
    keepLast !== null
      ? null
      : {
          code: "no_retention",
          message: "no retention is configured: images stay in the registry until its disk is full",
          fix: 'say how many are kept: "retention: { keep_last: 10 }" in mergedock.yml',
        },
  ({ freeBytesMin }) =>
    freeBytesMin > 0
      ? null
      : {
          code: "no_free_space_floor",
          message: "builds begin however full the disk is",
          fix: "set limits.free_bytes_min, or leave it out for 2 GiB",
        },
  ({ apiHost }) =>
    isLoopback(apiHost)
      ? null
      : {
          code: "api_without_tls",
          message: `the API listens on ${apiHost} without TLS: tokens can be read on the way`,
          fix: "bind listen.api to 127.0.0.1, behind a proxy that ends TLS, and list its name under listen.hosts",
        },
  ({ pushHost }) =>
    isLoopback(pushHost.replace(/:\d+$/, ""))
      ? {
          code: "registry_on_loopback",
          message: `the engine takes ${pushHost} without verified TLS, as every registry on loopback`,
          fix: "nothing, while the registry is on this machine; else give registry.push_host its real name",
        }
      : null,
  ({ plainUrls }) =>
    plainUrls.length === 0
      ? null
      : {
          code: "git_without_tls",
          message: `git reads without TLS: ${plainUrls.join(", ")}`,
          fix: "use https:// or ssh:// for the url of each repository",
        },
  ({ commandsUnasked }) => (commandsUnasked.length === 0 ? null : commandsWithoutApi(commandsUnasked)),
  ({ reportsLackLinks }) =>
    reportsLackLinks
      ? {
          code: "reports_without_links",
          message:
            "what forges are told of builds has no links: nobody said under which address people reach this server",
          fix: "set public_url in mergedock.yml, or MERGEDOCK_PUBLIC_URL: https://ci.example.com",
        }
      : null,
  ({ failingReports }) =>
    failingReports === null
      ? null
      : {
          code: "reports_failing",
          message: `${failingReports.count} ${failingReports.count === 1 ? "report" : "reports"} could not be delivered in the last day, the newest of build ${failingReports.buildId}: ${failingReports.problem}`,
          fix: "see GET /api/v1/reports?state=failed; check what the repository's token or App may do (statuses, checks, pull requests: write), or switch it off under report",
        },
];

/** Of Gitea and Forgejo no comment is understood as a command. */
export function commandsUnasked(repositories: readonly Repository[]): readonly string[] {
  return repositories
    .filter((one) => one.commands && !(one.forge.name === "github" && isAskable(one)))
    .map(({ name }) => name);
}

export function commandsWithoutApi(repositories: readonly string[]): Warning {
  return {
    code: "commands_without_api",
    message: `comments are not obeyed: they are GitHub's only, and where it can be asked who may write: ${repositories.join(", ")}`,
    fix: 'give each of them "access" with a token or a GitHub App, or "api.token_file"; of those on Gitea or Forgejo set "commands" to false',
  };
}

export function warningsOf(facts: SystemFacts): readonly Warning[] {
  return rules.flatMap((rule) => rule(facts) ?? []);
}

function engineHole(version: string): Warning | null {
  if (holesOf("engine", version).length === 0) return null;
  return {
    code: "engine_cve_2024_24557",
    message: `Docker ${version} lacks the fix of CVE-2024-24557 (a poisoned cache of the classic builder, which Mergedock does not use)`,
    fix: "install Docker 25.0.2 or newer, or 24.0.9; until then let nobody use docker build without BuildKit on this engine",
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127\./.test(host);
}
