// What is known of each repository's hook: from the forge, from our record, and from the deliveries that came.

import { AppError, toAppError } from "../core/errors.ts";
import { faultsOf, findOurs, noPublicUrlText, wantedEvents } from "../core/hook.ts";
import type { ForgeRepository, Hook, HookDelivery, KeptHook } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { askedOf, type HookParts } from "./hooks.ts";

/** By what deliveries come: a hook of ours, an App's own, or one that a person has entered. */
export type HookMeans = "hook" | "app" | "hand";

export interface HookReport {
  readonly repository: string;
  readonly forge: string;
  readonly payloadUrl: string | null;
  readonly means: HookMeans;
  readonly hook: Hook | null;
  /** Of which the last delivery was signed, else the one that the hook was given; null: not known. */
  readonly secretId: string | null;
  readonly isCurrentSecret: boolean | null;
  readonly lastPingAt: Date | null;
  readonly lastDelivery: { readonly at: Date; readonly statusCode: number | null } | null;
  readonly problems: readonly string[];
  /** What a person enters on the forge; null where the API does it. */
  readonly manual: ManualHook | null;
}

export interface ManualHook {
  readonly payloadUrl: string | null;
  readonly contentType: "application/json";
  readonly secret: string;
  readonly events: readonly string[];
}

export interface CheckParts extends HookParts {
  readonly payloadUrl: (forge: string, signal: AbortSignal) => Promise<string | null>;
  /** Where a person finds the secret. */
  readonly secretPlace: string;
}

const deliveriesMax = 5;
const deliveryMsMax = 3 * 24 * 3_600_000;
const atOnceMax = 4;

/** In the order of the configuration. Throws only where the database is away, and on abort. */
export async function checkHooks(
  parts: CheckParts,
  repositories: readonly Repository[],
  signal: AbortSignal,
): Promise<readonly HookReport[]> {
  await parts.secrets.refresh();
  const reports: HookReport[] = [];
  for (let from = 0; from < repositories.length; from += atOnceMax) {
    const some = repositories.slice(from, from + atOnceMax);
    reports.push(...(await Promise.all(some.map((repository) => checkHook(parts, repository, signal)))));
  }
  return reports;
}

async function checkHook(parts: CheckParts, repository: Repository, signal: AbortSignal): Promise<HookReport> {
  const payloadUrl = await parts.payloadUrl(repository.forge.name, signal);
  const forge = parts.forgeOf(repository);
  const noUrl = payloadUrl === null ? [noPublicUrlText] : [];
  if (forge === null) return checkByHand(parts, repository, payloadUrl, noUrl);
  const record = await parts.store.find(repository.forge.name, repository.name);
  const means: HookMeans = "hook";
  const common = { repository: repository.name, forge: repository.forge.name, payloadUrl, means, manual: null };
  try {
    if (payloadUrl !== null && (await isToldByApp(forge, repository, payloadUrl, signal)))
      return { ...common, ...nothing, means: "app", ...(await tracesOf(parts, repository, null)), problems: [] };
    const hook = findOurs(await forge.hooks.list(signal), payloadUrl ?? "", record);
    if (hook === null)
      return { ...common, ...nothing, problems: [...noUrl, `there is no hook: ${adding(repository)}`] };
    return { ...common, ...(await checkFound(parts, { repository, payloadUrl, forge, hook, record, noUrl }, signal)) };
  } catch (thrown) {
    signal.throwIfAborted();
    const { code, message } = toAppError(thrown);
    if (!(thrown instanceof AppError) || code === "internal") throw thrown;
    return { ...common, ...nothing, problems: [...noUrl, `the forge cannot be asked: ${message}`] };
  }
}

function adding({ name }: Repository): string {
  return `mergedock webhook add ${name}`;
}

const nothing = { hook: null, secretId: null, isCurrentSecret: null, lastPingAt: null, lastDelivery: null };

/** Whether an App that may be asked as tells of the repository by its own webhook. */
export async function isToldByApp(
  { appHook }: ForgeRepository,
  repository: Repository,
  payloadUrl: string,
  signal: AbortSignal,
): Promise<boolean> {
  const hook = appHook === undefined ? null : await appHook(signal);
  return hook !== null && hook.url === payloadUrl && wantedEvents(repository).every((one) => hook.events.includes(one));
}

interface Found {
  readonly repository: Repository;
  readonly payloadUrl: string | null;
  readonly forge: ForgeRepository;
  readonly hook: Hook;
  readonly record: KeptHook | null;
  readonly noUrl: readonly string[];
}

async function checkFound(parts: CheckParts, found: Found, signal: AbortSignal) {
  const { repository, payloadUrl, forge, hook, record, noUrl } = found;
  const traces = await tracesOf(parts, repository, hook.id);
  const deliveries = await sentBy(parts, forge, hook, signal);
  const [last] = deliveries;
  // What came before the hook was given another secret tells nothing of that one.
  const isOurs = record !== null && record.hookId === hook.id;
  const isTold = traces.at !== null && (!isOurs || traces.at > record.changedAt);
  const secretId = isTold ? traces.secretId : isOurs ? record.secretId : null;
  const isCurrentSecret = secretId === null ? null : secretId === parts.secrets.list()[0]?.id;
  const wanted = { url: payloadUrl ?? hook.url, events: wantedEvents(repository) };
  const problems = [
    ...noUrl,
    ...faultsOf(hook, wanted),
    ...(isOurs ? [] : [`was entered by hand; so that it is looked after: ${adding(repository)}`]),
    ...(isCurrentSecret === false ? ["its secret is an older one"] : []),
    ...(traces.lastPingAt === null ? ["no ping was answered"] : []),
    ...failuresOf(deliveries),
  ];
  const lastDelivery = last === undefined ? null : { at: last.deliveredAt, statusCode: last.statusCode };
  return { hook, secretId, isCurrentSecret, lastPingAt: traces.lastPingAt, lastDelivery, problems };
}

async function sentBy({ clock }: CheckParts, { hooks }: ForgeRepository, { id }: Hook, signal: AbortSignal) {
  const since = new Date(clock.now().getTime() - deliveryMsMax);
  return (await hooks.deliveries?.list(id, since, deliveriesMax, signal)) ?? [];
}

function failuresOf(deliveries: readonly HookDelivery[]): readonly string[] {
  const isBad = ({ statusCode }: HookDelivery) => statusCode === null || statusCode >= 400;
  if (deliveries.length === 0 || !deliveries.every(isBad)) return [];
  const [last] = deliveries;
  const count = deliveries.length === 1 ? "delivery" : `${deliveries.length} deliveries`;
  return [`the last ${count} failed: ${last?.statusCode ?? "nobody answered"}`];
}

async function tracesOf({ store }: CheckParts, { forge, name }: Repository, hookId: string | null) {
  const of = { forge: forge.name, repository: name };
  const [last, lastPingAt] = await Promise.all([
    store.lastDelivery({ ...of, hookId }),
    hookId === null ? null : store.lastPing({ ...of, hookId }),
  ]);
  return { lastPingAt, secretId: last?.secretId ?? null, at: last?.receivedAt ?? null };
}

async function checkByHand(
  parts: CheckParts,
  repository: Repository,
  payloadUrl: string | null,
  noUrl: readonly string[],
): Promise<HookReport> {
  const { secretId, at } = await tracesOf(parts, repository, null);
  const isCurrentSecret = secretId === null ? null : secretId === parts.secrets.list()[0]?.id;
  const problems = [
    ...noUrl,
    ...(at === null ? ["no delivery has come yet, and the forge's API cannot be asked: enter the hook by hand"] : []),
    ...(isCurrentSecret === false ? ["its secret is an older one: enter the newest by hand"] : []),
  ];
  return {
    ...{ repository: repository.name, forge: repository.forge.name, payloadUrl, means: "hand", ...nothing },
    ...{ secretId, isCurrentSecret, lastDelivery: at === null ? null : { at, statusCode: null }, problems },
    manual: byHand(parts, repository, payloadUrl),
  };
}

export function byHand(
  { secretPlace: secret }: CheckParts,
  repository: Repository,
  payloadUrl: string | null,
): ManualHook {
  return { payloadUrl, contentType: "application/json", secret, events: wantedEvents(repository) };
}

/** Sends a ping, and waits until it is in the ledger; whether it came. */
export async function ping(
  parts: CheckParts,
  repository: Repository,
  asked: { readonly hookId: string; readonly isSent: boolean; readonly since: number; readonly msMax: number },
  signal: AbortSignal,
): Promise<boolean> {
  const of = { forge: repository.forge.name, repository: repository.name, hookId: asked.hookId };
  if (!asked.isSent) await askedOf(parts, repository).hooks.ping(asked.hookId, signal);
  const untilMs = parts.clock.monotonicMs() + asked.msMax;
  while (!(await parts.store.pingedSince(of, asked.since))) {
    if (parts.clock.monotonicMs() >= untilMs) return false;
    await parts.clock.sleep(pollMs, signal);
  }
  await parts.store.lastPing(of);
  return true;
}

const pollMs = 100;
