// Repositories' webhooks on their forges: made where there is none, repaired where one is not as it has to be.

import { AppError } from "../core/errors.ts";
import { faultsOf, findOurs, wantedEvents } from "../core/hook.ts";
import type { Clock, ForgeRepository, Hook, HookStore, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { KnownSecret, WebhookSecrets } from "./webhook-secrets.ts";

export interface HookParts {
  readonly repositories: readonly Repository[];
  /** Null: the forge's API does not take the repository's access. */
  readonly forgeOf: (repository: Repository) => ForgeRepository | null;
  readonly store: HookStore;
  readonly secrets: WebhookSecrets;
  readonly lock: Store["lock"];
  readonly clock: Clock;
  readonly report: (event: HookEvent) => void;
}

export type HookEvent =
  | { readonly kind: "ensured"; readonly repository: string; readonly hook: string; readonly action: HookAction }
  | { readonly kind: "repointed"; readonly repository: string; readonly from: string; readonly to: string }
  | { readonly kind: "failed"; readonly repository: string; readonly doing: string; readonly error: unknown }
  | { readonly kind: "rotated"; readonly secretId: string };

export type HookAction = "created" | "repaired" | "unchanged";

export interface Ensured {
  readonly action: HookAction;
  readonly hook: Hook;
  /** What was not as it had to be. */
  readonly faults: readonly string[];
}

/** Whoever makes or changes hooks does it alone, in whatever process: two at once would make two. */
const lockName = "webhooks on forges";

export function alone<T>(
  { lock }: HookParts,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return lock(lockName, signal, (lease) => work(AbortSignal.any([signal, lease.signal])));
}

/**
 * Makes or repairs the hook of the repository. Idempotent. A hook that is not ours is left alone. Throws what the forge's API throws,
 * and `conflict` where the API cannot be asked.
 */
export function ensureHook(
  parts: HookParts,
  repository: Repository,
  payloadUrl: string,
  signal: AbortSignal,
): Promise<Ensured> {
  return alone(parts, signal, async (held) => {
    const secret = await parts.secrets.current(held);
    return ensureWith(parts, { repository, payloadUrl, secret }, held);
  });
}

export interface Wanted {
  readonly repository: Repository;
  readonly payloadUrl: string;
  readonly secret: KnownSecret;
}

async function ensureWith(parts: HookParts, wanted: Wanted, signal: AbortSignal): Promise<Ensured> {
  const { repository, payloadUrl: url, secret } = wanted;
  const { hooks } = askedOf(parts, repository);
  const record = await parts.store.find(repository.forge.name, repository.name);
  const settings = { url, secret: secret.secret, events: wantedEvents(repository) };
  const found = findOurs(await hooks.list(signal), url, record);
  if (found === null) {
    const hook = await hooks.create(settings, signal);
    await keep(parts, wanted, hook);
    return told(parts, repository, { action: "created", hook, faults: ["there was none"] });
  }
  const faults = [...faultsOf(found, settings), ...secretFaults(found, record, secret)];
  if (faults.length === 0) return told(parts, repository, { action: "unchanged", hook: found, faults });
  const events = [...new Set([...found.events, ...settings.events])];
  const hook = await hooks.update(found.id, { ...settings, events }, signal);
  await keep(parts, wanted, hook);
  return told(parts, repository, { action: "repaired", hook, faults });
}

function secretFaults(
  { id }: Hook,
  record: { readonly hookId: string; readonly secretId: string } | null,
  secret: KnownSecret,
): readonly string[] {
  if (record?.hookId !== id) return ["nobody knows which secret it has"];
  return record.secretId === secret.id ? [] : ["its secret is an older one"];
}

function told(parts: HookParts, { name }: Repository, ensured: Ensured): Ensured {
  parts.report({ kind: "ensured", repository: name, hook: ensured.hook.id, action: ensured.action });
  return ensured;
}

export async function keep({ store }: HookParts, { repository, secret }: Wanted, { id, url }: Hook): Promise<void> {
  const { forge, name } = repository;
  await store.save({ forge: forge.name, repository: name, hookId: id, url, secretId: secret.id });
}

export function askedOf({ forgeOf }: HookParts, repository: Repository): ForgeRepository {
  const forge = forgeOf(repository);
  if (forge === null)
    throw new AppError(
      "conflict",
      `${repository.name} has no access that the forge's API takes: see "access" and "api"`,
    );
  return forge;
}
