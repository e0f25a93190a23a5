// Puts the forges together: who verifies a delivery, and who is asked of a repository. One line for each forge.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createForgeGate } from "./adapters/forge-gate.ts";
import type { GateObserver } from "./adapters/forge-gate-parts.ts";
import { createForgeHealthStore } from "./adapters/postgres/forge-health.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import { tellForgeHealth } from "./app-forge-health.ts";
import type { Config } from "./config.ts";
import type { AccessTokens, Forge, ForgeApi, ForgeRepository } from "./core/ports.ts";
import type { Repository } from "./core/recipe.ts";
import { createGiteaApi } from "./forges/gitea/api.ts";
import { createGitea } from "./forges/gitea.ts";
import { createGithubApi } from "./forges/github/api.ts";
import { createGithubApps } from "./forges/github/apps.ts";
import { createGithubAppTokens } from "./forges/github/git-tokens.ts";
import { createGithub } from "./forges/github.ts";

/** `secrets`: all that are accepted at this time. */
export function openWebhooks(secrets: () => readonly string[]): readonly Forge[] {
  return [createGithub(secrets), createGitea(secrets)];
}

/** Null: the repository's forge cannot be asked with the access that it has. */
export type ForgeOf = (repository: Repository) => ForgeRepository | null;

/** One for the whole process: what one caller is told of limits and outages holds for all. */
export interface Forges {
  readonly of: ForgeOf;
  /** For git. */
  readonly tokens: AccessTokens;
  close(): Promise<void>;
}

export interface ForgesNeeds {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
  /** What the metrics hear of each question. */
  readonly counting: Pick<GateObserver, "asked" | "allowed">;
}

export function openForges({ config: { limits }, log, postgres, counting }: ForgesNeeds): Forges {
  const clock = systemClock;
  const store = createForgeHealthStore(postgres.pool);
  // It may have been a mistake in the configuration, which is mended now.
  void store
    .forgetOutages(clock.now())
    .catch((err: unknown) => log.warn({ err }, "old outages could not be forgotten"));
  const health = tellForgeHealth({ log, store });
  const gate = createForgeGate({
    ...{ clock, observer: { ...counting, changed: health.changed } },
    limits: {
      pauseMsMax: limits.forge_pause_seconds_max * 1000,
      failuresMax: limits.forge_failures_max,
      waitingMax: limits.forge_waiting_max,
    },
  });
  const asking = { answerMsMax: limits.forge_seconds_max * 1000, answerBytesMax: limits.forge_answer_bytes_max };
  const github = { gate, clock, limits: asking };
  const apps = createGithubApps(github);
  const apis: readonly ForgeApi[] = [createGithubApi({ ...github, apps }), createGiteaApi(github)];
  return {
    of: (repository) => firstOf(apis, repository),
    tokens: createGithubAppTokens(apps),
    async close() {
      await gate.close();
      await health.settled();
    },
  };
}

function firstOf(apis: readonly ForgeApi[], repository: Repository): ForgeRepository | null {
  for (const api of apis) {
    const found = api.of(repository);
    if (found !== null) return found;
  }
  return null;
}
