// Puts webhooks together: the secrets that all receivers share, the hooks on the forges, and what the log hears of them.

import { randomBytes } from "node:crypto";
import path from "node:path";
import type { Logger } from "pino";
import { readIfThere, replaceFile } from "../certs/files.ts";
import { systemClock } from "./adapters/clock.ts";
import { createHookStore } from "./adapters/postgres/hooks.ts";
import { createSecretStore } from "./adapters/postgres/webhook-secrets.ts";
import { secretIdOf } from "./adapters/secret-id.ts";
import type { ForgeOf } from "./app-forges.ts";
import type { Opened } from "./app-opened.ts";
import type { Config } from "./config.ts";
import type { Tunnel } from "./core/ports.ts";
import { payloadUrlAt } from "./core/public-address.ts";
import type { HookEvent } from "./flows/hooks.ts";
import { finishRotation, type RotateParts } from "./flows/rotate-secret.ts";
import { type KnownSecret, openWebhookSecrets, type WebhookSecrets } from "./flows/webhook-secrets.ts";

const goOnMs = 60_000;

/** `given`: the configuration's, or the one of the state folder, which is the first of those that can be replaced. */
export async function openSecrets(opened: Opened, given: readonly string[]): Promise<WebhookSecrets> {
  const { config, log, postgres, closers } = opened;
  const store = createSecretStore(postgres.pool);
  // A process without webhooks of its own is given none, and keeps none in its folder.
  const isKept = config.webhookSecrets === null && given.length > 0;
  if (isKept) for (const secret of given) await store.keep({ secret, origin: "made", isRolledOut: true });
  const secrets = await openWebhookSecrets({
    ...{ store, clock: systemClock, overlapHours: config.limits.secret_overlap_hours_max },
    configured: (config.webhookSecrets ?? []).map((secret) => ({ id: secretIdOf(secret), secret })),
    random: () => randomBytes(32).toString("hex"),
    changed: async (known) => {
      if (isKept) await keepFile(config, log, known);
    },
    report: (err) => log.warn({ err }, "the webhook secrets could not be looked at"),
  });
  closers.push(secrets.close);
  return secrets;
}

export function secretFile({ stateFolder }: Config): string {
  return path.join(stateFolder, "secrets/webhook-secret");
}

/** The state folder has the one that hooks are given, for whoever looks there and for a database that was lost. */
async function keepFile(config: Config, log: Logger, [newest]: readonly KnownSecret[]): Promise<void> {
  if (newest?.origin !== "made") return;
  const file = secretFile(config);
  const text = `${newest.secret}\n`;
  try {
    if ((await readIfThere(file)) !== text) await replaceFile({ file, text });
  } catch (err) {
    log.warn({ err }, "the newest webhook secret could not be written into the state folder");
  }
}

export interface HookNeeds {
  readonly secrets: WebhookSecrets;
  readonly forgeOf: ForgeOf;
  readonly tunnel: Pick<Tunnel, "look">;
}

export function openHooks(opened: Opened, { secrets, forgeOf, tunnel }: HookNeeds): RotateParts {
  const { config, log, postgres } = opened;
  return {
    ...{ repositories: config.repositories, forgeOf, secrets, clock: systemClock },
    store: createHookStore(postgres.pool),
    secretStore: createSecretStore(postgres.pool),
    lock: (name, signal, work) => postgres.store.lock(name, signal, work),
    payloadUrl: async (forge, signal) => {
      const { address } = await tunnel.look(signal);
      return address === null ? null : payloadUrlAt(address, forge);
    },
    secretPlace: config.webhookSecrets === null ? secretFile(config) : "GET /api/v1/setup/secret",
    report: (event) => write(log, event),
  };
}

/** Begins now; returns how to stop. What was broken off by a crash or an outage is gone on with. */
export function startFinishing(parts: RotateParts, log: Logger): () => Promise<void> {
  const ending = new AbortController();
  const work = async () => {
    while (!ending.signal.aborted) {
      await finishRotation(parts, ending.signal).catch((err: unknown) => {
        if (!ending.signal.aborted) log.warn({ err }, "the rotation of the webhook secret did not go on");
      });
      await systemClock.sleep(goOnMs, ending.signal).catch(() => undefined);
    }
  };
  const done = work();
  return async () => {
    ending.abort();
    await done;
  };
}

function write(log: Logger, event: HookEvent): void {
  if (event.kind === "failed") {
    const { repository, doing, error } = event;
    log.warn({ repository, doing, err: error }, "a webhook on the forge could not be changed");
  } else if (event.kind === "repointed") {
    const { repository, from, to } = event;
    log.info({ repository, from, to }, "webhook leads to the new address");
  } else if (event.kind === "rotated") log.info({ secretId: event.secretId }, "every webhook has the new secret");
  else {
    const { repository, hook, action } = event;
    log.info({ repository, hook, action }, "webhook looked after");
  }
}
