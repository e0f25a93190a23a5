// GitHub's API behind a gate of its own, that nobody else has passed.

import { systemClock } from "../../ci-server/adapters/clock.ts";
import { createForgeGate } from "../../ci-server/adapters/forge-gate.ts";
import type { GateObserver, GateOutcome } from "../../ci-server/adapters/forge-gate-parts.ts";
import type { ForgeHealth } from "../../ci-server/core/forge-health.ts";
import type { AccessTokens, Clock, ForgeApi } from "../../ci-server/core/ports.ts";
import { createGithubApi } from "../../ci-server/forges/github/api.ts";
import { createGithubApps } from "../../ci-server/forges/github/apps.ts";
import { createGithubAppTokens } from "../../ci-server/forges/github/git-tokens.ts";

export interface ForgetfulGithub {
  readonly api: ForgeApi;
  /** For git. */
  readonly tokens: AccessTokens;
  /** What the gate has told, oldest first. */
  readonly outcomes: readonly GateOutcome[];
  readonly told: readonly ForgeHealth[];
  close(): Promise<void>;
}

export function forgetfulGithub(clock: Clock = systemClock): ForgetfulGithub {
  const outcomes: GateOutcome[] = [];
  const told: ForgeHealth[] = [];
  const observer: GateObserver = {
    asked: (_question, outcome) => outcomes.push(outcome),
    allowed: () => undefined,
    changed: (health) => told.push(health),
  };
  const gate = createForgeGate({
    ...{ clock, observer },
    limits: { pauseMsMax: 3_600_000, failuresMax: 3, waitingMax: 100 },
  });
  const parts = { gate, clock, limits: { answerMsMax: 10_000, answerBytesMax: 1024 * 1024 } };
  const apps = createGithubApps(parts);
  const api = createGithubApi({ ...parts, apps });
  return { api, tokens: createGithubAppTokens(apps), outcomes, told, close: gate.close };
}
