// Has the hooks that we made follow the public address when that changes.

import { toAppError } from "../core/errors.ts";
import type { KeptHook, PublicAddress } from "../core/ports.ts";
import { payloadUrlAt } from "../core/public-address.ts";
import { type RetryPolicy, retryDelayMs } from "../core/retry.ts";
import { alone, askedOf, type HookParts, keep } from "./hooks.ts";

const policy: RetryPolicy = { attempts: 5, delayMs: 1_000, delayMsMax: 60_000 };

export interface Repointed {
  readonly changed: number;
  readonly failed: number;
}

/**
 * Has every recorded hook that leads elsewhere lead to this address. What fails is reported and stops no other; what may pass is
 * tried again. Idempotent. Throws only on abort and where the database is away.
 */
export async function repointHooks(parts: HookParts, address: PublicAddress, signal: AbortSignal): Promise<Repointed> {
  const outcome = { changed: 0, failed: 0 };
  for (const record of await parts.store.list()) {
    const to = payloadUrlAt(address, record.forge);
    if (record.url === to || repositoryOf(parts, record) === undefined) continue;
    const isDone = await repointPatiently(parts, record, to, signal);
    outcome[isDone ? "changed" : "failed"] += 1;
  }
  return outcome;
}

async function repointPatiently(parts: HookParts, record: KeptHook, to: string, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await alone(parts, signal, (held) => repoint(parts, record, to, held));
      parts.report({ kind: "repointed", repository: record.repository, from: record.url, to });
      return true;
    } catch (thrown) {
      signal.throwIfAborted();
      const error = toAppError(thrown);
      const delayMs = retryDelayMs(policy, attempt, error);
      if (delayMs === null) {
        parts.report({ kind: "failed", repository: record.repository, doing: `leading the hook to ${to}`, error });
        return false;
      }
      await parts.clock.sleep(delayMs, signal);
    }
  }
}

/** It keeps its secret, where this process knows it: others may not know a newer one yet. */
async function repoint(parts: HookParts, { forge, repository: name }: KeptHook, to: string, signal: AbortSignal) {
  const record = await parts.store.find(forge, name);
  const repository = record === null ? undefined : repositoryOf(parts, record);
  if (record === null || repository === undefined || record.url === to) return;
  const current = await parts.secrets.current(signal);
  const secret = parts.secrets.list().find(({ id }) => id === record.secretId) ?? current;
  const { hooks } = askedOf(parts, repository);
  const found = (await hooks.list(signal)).find(({ id }) => id === record.hookId);
  // Somebody has removed it: a new one is for whoever asks for it.
  if (found === undefined) return;
  const settings = { url: to, secret: secret.secret, events: found.events };
  await keep(parts, { repository, payloadUrl: to, secret }, await hooks.update(found.id, settings, signal));
}

function repositoryOf({ repositories }: HookParts, { forge, repository }: KeptHook) {
  return repositories.find((one) => one.forge.name === forge && one.name.toLowerCase() === repository.toLowerCase());
}
