// Replaces the secret that hooks sign with. Receivers know the new one before any hook has it, and accept the old one until every
// hook has the new one and for some time after. What is broken off is taken up again: the state of it is in the database.

import { toAppError } from "../core/errors.ts";
import { findOurs } from "../core/hook.ts";
import type { SecretStore } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { type CheckParts, isToldByApp } from "./check-hooks.ts";
import { alone, keep } from "./hooks.ts";
import type { KnownSecret } from "./webhook-secrets.ts";

export interface RotateParts extends CheckParts {
  readonly secretStore: Pick<SecretStore, "rolledOut">;
}

export const rotationStates = ["done", "failed", "hand", "app", "none"] as const;

/** `hand`: a person has to enter it. `app`: an App's own webhook has a secret of its own. `none`: there is no hook. */
export interface RotatedHook {
  readonly repository: string;
  readonly state: (typeof rotationStates)[number];
  readonly problem: string | null;
}

export interface Rotation {
  readonly secretId: string;
  /** An earlier rotation that was broken off was taken up again: no other secret was made. */
  readonly isResumed: boolean;
  readonly hooks: readonly RotatedHook[];
  /** Whether every hook has it; else the server goes on by itself. */
  readonly isDone: boolean;
  /** Of the secrets that the configuration names, which are accepted as long as it does. */
  readonly configured: number;
}

/** Idempotent until every hook has the new secret. Throws `unavailable` where the database is away. */
export function rotateSecret(parts: RotateParts, signal: AbortSignal): Promise<Rotation> {
  return alone(parts, signal, async (held) => {
    await parts.secrets.refresh();
    const isResumed = isUnderWay(parts.secrets.list());
    if (!isResumed) await parts.secrets.make();
    return rollOut(parts, isResumed, held);
  });
}

/** Goes on with a rotation that is not done; null when there is none. */
export async function finishRotation(parts: RotateParts, signal: AbortSignal): Promise<Rotation | null> {
  await parts.secrets.refresh();
  if (!isUnderWay(parts.secrets.list())) return null;
  return alone(parts, signal, (held) => rollOut(parts, true, held));
}

function isUnderWay([newest]: readonly KnownSecret[]): boolean {
  return newest?.isRolledOut === false;
}

async function rollOut(parts: RotateParts, isResumed: boolean, signal: AbortSignal): Promise<Rotation> {
  // Waits until every receiver knows it.
  const secret = await parts.secrets.current(signal);
  const hooks: RotatedHook[] = [];
  for (const repository of parts.repositories) hooks.push(await replaceAt(parts, repository, secret, signal));
  const isDone = hooks.every(({ state }) => ["done", "app", "none"].includes(state));
  if (isDone) {
    await parts.secretStore.rolledOut(secret.id);
    parts.report({ kind: "rotated", secretId: secret.id });
  }
  const configured = parts.secrets.list().filter(({ origin }) => origin === "configured").length;
  return { secretId: secret.id, isResumed, hooks, isDone, configured };
}

async function replaceAt(
  parts: RotateParts,
  repository: Repository,
  secret: KnownSecret,
  signal: AbortSignal,
): Promise<RotatedHook> {
  const { name } = repository;
  try {
    const state = await replace(parts, repository, secret, signal);
    return { repository: name, state, problem: state === "hand" ? "enter the new secret on the forge by hand" : null };
  } catch (error) {
    signal.throwIfAborted();
    parts.report({ kind: "failed", repository: name, doing: "giving the hook another secret", error });
    return { repository: name, state: "failed", problem: toAppError(error).message };
  }
}

async function replace(
  parts: RotateParts,
  repository: Repository,
  secret: KnownSecret,
  signal: AbortSignal,
): Promise<RotatedHook["state"]> {
  const { name: forgeName } = repository.forge;
  const forge = parts.forgeOf(repository);
  if (forge === null) return stateByHand(parts, repository, secret);
  const url = (await parts.payloadUrl(forgeName, signal)) ?? "";
  if (await isToldByApp(forge, repository, url, signal)) return "app";
  const record = await parts.store.find(forgeName, repository.name);
  const hook = findOurs(await forge.hooks.list(signal), url, record);
  if (hook === null) return "none";
  if (record?.hookId === hook.id && record.secretId === secret.id) return "done";
  // Where it leads to is not this one's affair, nor what it tells of.
  const settings = { url: hook.url, secret: secret.secret, events: hook.events };
  await keep(parts, { repository, payloadUrl: hook.url, secret }, await forge.hooks.update(hook.id, settings, signal));
  return "done";
}

/** A hook that was never heard of is nobody's loss; one that was has to be heard of with the new secret. */
async function stateByHand(parts: RotateParts, { forge, name }: Repository, secret: KnownSecret) {
  const last = await parts.store.lastDelivery({ forge: forge.name, repository: name, hookId: null });
  if (last === null) return "none";
  return last.secretId === secret.id ? "done" : "hand";
}
