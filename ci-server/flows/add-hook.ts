// Adds a repository's webhook, or repairs it, and waits for the forge's ping: only then is it known to work.

import { toAppError } from "../core/errors.ts";
import { noPublicUrl } from "../core/hook.ts";
import type { ForgeRepository, Hook } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import {
  byHand,
  type CheckParts,
  checkHooks,
  type HookReport,
  isToldByApp,
  type ManualHook,
  ping,
} from "./check-hooks.ts";
import { ensureHook, type HookAction } from "./hooks.ts";

/** `app`: a GitHub App's own webhook tells of the repository. `hand`: a person has to enter it. */
export type AddAction = HookAction | "app" | "hand";

export interface AddedHook {
  readonly repository: string;
  readonly action: AddAction;
  /** What was not as it had to be, and is now. */
  readonly faults: readonly string[];
  readonly hook: Hook | null;
  /** Whether a ping has arrived since. */
  readonly pinged: boolean;
  /** What the forge says of the last thing that it sent; null: nothing. */
  readonly forgeSays: { readonly event: string; readonly statusCode: number | null } | null;
  readonly manual: ManualHook | null;
}

/** Throws what the forge's API throws, and `unavailable` where no public address is known. */
export async function addHook(
  parts: CheckParts,
  repository: Repository,
  pingMsMax: number,
  signal: AbortSignal,
): Promise<AddedHook> {
  const payloadUrl = await parts.payloadUrl(repository.forge.name, signal);
  const nothing = { repository: repository.name, faults: [], hook: null, pinged: false, forgeSays: null, manual: null };
  const forge = parts.forgeOf(repository);
  if (forge === null) return { ...nothing, action: "hand", manual: byHand(parts, repository, payloadUrl) };
  if (payloadUrl === null) throw noPublicUrl();
  if (await isToldByApp(forge, repository, payloadUrl, signal)) return { ...nothing, action: "app" };
  const since = await parts.store.newestDelivery();
  const { action, hook, faults } = await ensureHook(parts, repository, payloadUrl, signal);
  const isSent = action === "created" && forge.hooks.pingsNew;
  const asked = { hookId: hook.id, isSent, since, msMax: pingMsMax };
  const pinged = await ping(parts, repository, asked, signal);
  const forgeSays = await lastSent(parts, forge, hook, signal);
  return { ...nothing, action, hook, faults, pinged, forgeSays };
}

async function lastSent({ clock }: CheckParts, { hooks }: ForgeRepository, { id }: Hook, signal: AbortSignal) {
  const since = new Date(clock.now().getTime() - dayMs);
  const [last] = (await hooks.deliveries?.list(id, since, 1, signal)) ?? [];
  return last === undefined ? null : { event: last.event, statusCode: last.statusCode };
}

const dayMs = 24 * 3_600_000;

/** As `checkHooks`, after each hook that is ours was asked for a ping. */
export async function checkByPing(
  parts: CheckParts,
  repositories: readonly Repository[],
  pingMsMax: number,
  signal: AbortSignal,
): Promise<readonly HookReport[]> {
  const before = await checkHooks(parts, repositories, signal);
  const missing = new Map<string, string>();
  const since = await parts.store.newestDelivery();
  const askFor = async ({ repository: name, hook }: HookReport) => {
    const repository = repositories.find((one) => one.name === name);
    if (hook === null || !hook.isActive || repository === undefined) return;
    const asked = { hookId: hook.id, isSent: false, since, msMax: pingMsMax };
    const why = await ping(parts, repository, asked, signal).then(
      (came) => (came ? null : "a ping was sent, and did not arrive"),
      (thrown: unknown) => `no ping could be asked for: ${toAppError(thrown).message}`,
    );
    if (why !== null) missing.set(name, why);
  };
  await Promise.all(before.map(askFor));
  const after = await checkHooks(parts, repositories, signal);
  return after.map((report) => {
    const why = missing.get(report.repository);
    return why === undefined ? report : { ...report, problems: [...report.problems, why] };
  });
}
