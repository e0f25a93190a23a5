// Reads from the forge what its hook has sent and what did not arrive here, and takes it as if it had.

import { findRepository } from "../core/decide.ts";
import type { Delivery } from "../core/delivery.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type {
  Accepted,
  Clock,
  Forge,
  ForgeRepository,
  HookDeliveries,
  HookDelivery,
  ReconcileStore,
  SentDelivery,
  Store,
} from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { type Look, takeAll, toArrived } from "./reconcile-look.ts";

export interface ReconcileApiParts {
  readonly store: Store;
  readonly state: ReconcileStore;
  readonly clock: Clock;
  readonly repositories: readonly Repository[];
  /** By name: who reads a payload. */
  readonly readers: readonly Pick<Forge, "name" | "read">[];
  readonly daysMax: number;
  readonly deliveriesMax: number;
  readonly bodyBytesMax: number;
}

/** Of what is held in memory and stored in one transaction. */
const chunkMax = 200;
const chunkBytesMax = 16 * 1024 * 1024;
/** What was on its way while somebody looked stands in the list a little later. */
const overlapMs = 10 * 60 * 1_000;
const dayMs = 24 * 3_600 * 1_000;

export interface Asked {
  readonly repository: Repository;
  readonly forge: ForgeRepository;
}

/** Null where no hook leads here, or the forge does not tell what it has sent. Throws what the forge throws. */
export async function lookInApi(parts: ReconcileApiParts, asked: Asked, signal: AbortSignal): Promise<Look | null> {
  const hooks = (await findAppHook(asked, signal)) ?? (await findHooks(parts, asked, signal));
  if (hooks.length === 0) return null;
  const looks: HookLook[] = [];
  for (const hook of hooks) looks.push(await lookAtHook(parts, { ...asked, ...hook }, signal));
  return {
    ...{ way: "api", pushed: 0, taken: looks.flatMap(({ taken }) => taken) },
    askedAgain: looks.reduce((sum, { askedAgain }) => sum + askedAgain, 0),
    problem: looks.find(({ problem }) => problem !== null)?.problem ?? null,
  };
}

interface FoundHook {
  readonly deliveries: HookDeliveries;
  readonly hookId: string;
}

/** Of an App, which tells of all its repositories by one. Null where it has none that leads here. */
async function findAppHook({ repository, forge }: Asked, signal: AbortSignal): Promise<readonly FoundHook[] | null> {
  const hook = (await forge.appHook?.(signal)) ?? null;
  return hook === null || !leadsHere(repository, hook.url)
    ? null
    : [{ deliveries: hook.deliveries, hookId: appHookId }];
}

/** Those that have sent something; before any has, those whose URL has our path. */
async function findHooks(
  { state }: ReconcileApiParts,
  { repository, forge }: Asked,
  signal: AbortSignal,
): Promise<readonly FoundHook[]> {
  const { deliveries } = forge.hooks;
  if (deliveries === null) return [];
  const hooks = await forge.hooks.list(signal);
  const seen = await state.hooksSeen(repository.name);
  const ours = hooks.filter(({ id }) => seen.includes(id));
  const leading = hooks.filter(({ url }) => leadsHere(repository, url));
  return (ours.length > 0 ? ours : leading).map(({ id: hookId }) => ({ deliveries, hookId }));
}

function leadsHere({ forge }: Repository, url: string): boolean {
  return URL.canParse(url) && new URL(url).pathname === `/webhooks/${forge.name}`;
}

/** Stands for an App's own hook where hooks are told apart by their ids. */
const appHookId = "app";

interface OfHook extends Asked, FoundHook {}

type HookLook = Pick<Look, "taken" | "askedAgain" | "problem">;

/** What was known when the look began is known for good only when all that is missing was taken. */
async function lookAtHook(parts: ReconcileApiParts, of: OfHook, signal: AbortSignal): Promise<HookLook> {
  const { state, clock, daysMax, deliveriesMax } = parts;
  const { repository, deliveries, hookId } = of;
  const now = clock.now();
  const completeAt = await state.hookCompleteAt(repository.name, hookId);
  const oldest = now.getTime() - daysMax * dayMs;
  const since = new Date(Math.max(oldest, (completeAt?.getTime() ?? 0) - overlapMs));
  const sent = await deliveries.list(hookId, since, deliveriesMax, signal);
  const missing = await findMissing(parts, repository, sent);
  const { refused, tooLarge, ...outcome } = await readAll(parts, of, missing, signal);
  await state.noteHook(repository.name, hookId, now);
  const cut = `the hook has sent more than ${deliveriesMax} deliveries since ${since.toISOString()}, and the oldest were not looked at; raise limits.reconcile_deliveries_max`;
  const unstored = `${refused} of the hook's deliveries cannot be taken, since they cannot be stored or tell of another repository; the forge lists them among those that failed`;
  const large = `${tooLarge} of the hook's deliveries have more than ${parts.bodyBytesMax} bytes, and were not taken; raise limits.body_bytes_max, and have the forge send them again`;
  const problems = [sent.length >= deliveriesMax ? cut : [], refused > 0 ? unstored : [], tooLarge > 0 ? large : []];
  return { ...outcome, problem: problems.flat().join("; ") || null };
}

/** Oldest first, one attempt for each GUID. Whatever it was answered with, what the ledger lacks did not arrive. */
async function findMissing(
  { state }: ReconcileApiParts,
  repository: Repository,
  sent: readonly HookDelivery[],
): Promise<readonly HookDelivery[]> {
  const firsts = new Map<string, HookDelivery>();
  for (const delivery of sent.toSorted(inTime)) if (!firsts.has(delivery.guid)) firsts.set(delivery.guid, delivery);
  const wanted = [...firsts.values()].filter((delivery) => isWanted(repository, delivery));
  const known = await state.knownDeliveries(wanted.map(({ guid }) => guid));
  return wanted.filter(({ guid }) => !known.has(guid));
}

/** The forge says the time in seconds; its ids grow. */
function inTime(one: HookDelivery, other: HookDelivery): number {
  const ms = one.deliveredAt.getTime() - other.deliveredAt.getTime();
  if (ms !== 0) return ms;
  return one.id.length - other.id.length || (one.id < other.id ? -1 : 1);
}

/** Each one that is read is a question to the forge: what could build nothing is left out. */
function isWanted({ commands }: Repository, { event, action }: HookDelivery): boolean {
  if (event === "pull_request") return action === "closed" || action === null;
  return commands && event === "issue_comment" && (action === "created" || action === null);
}

async function readAll(parts: ReconcileApiParts, of: OfHook, missing: readonly HookDelivery[], signal: AbortSignal) {
  const taken: Accepted[] = [];
  let askedAgain = 0;
  let refused = 0;
  let tooLarge = 0;
  let chunk: Delivery[] = [];
  const flush = async () => {
    const arrived = chunk.map((delivery) => toArrived(parts.repositories, delivery));
    const outcome = await takeAll(parts.store, arrived);
    taken.push(...outcome.taken);
    refused += outcome.refused;
    chunk = [];
  };
  for (const one of missing) {
    const read = await readOrAskAgain(parts, of, one, signal);
    if (read === "asked again") askedAgain += 1;
    else if (read === "too large") tooLarge += 1;
    else if (isOfAnother(parts, of, read)) refused += 1;
    else chunk.push(read);
    const bytes = chunk.reduce((sum, { body }) => sum + body.length, 0);
    if (chunk.length >= chunkMax || bytes >= chunkBytesMax) await flush();
  }
  await flush();
  return { taken: taken.filter(({ verdict }) => verdict !== "duplicate"), askedAgain, refused, tooLarge };
}

/** Nobody signs what an API says: it is believed of the repository whose access it was asked with, and of its App's others. */
function isOfAnother(
  { repositories }: ReconcileApiParts,
  { repository, hookId }: OfHook,
  { event }: Delivery,
): boolean {
  const told = event.repository === null ? undefined : findRepository(repositories, event.repository);
  if (told === undefined || told === repository) return false;
  return hookId !== appHookId || !isOfOneApp(told, repository);
}

function isOfOneApp(one: Repository, other: Repository): boolean {
  const [a, b] = [one.access, other.access];
  if (a?.kind !== "github_app" || b?.kind !== "github_app" || a.appId !== b.appId) return false;
  return new URL(one.url).host === new URL(other.url).host && one.forge.name === other.forge.name;
}

/** `null`: the forge keeps the payload no longer. */
const emptyBytes = 4;
/** Trouble with the forge and with our access to it, and not with one payload. */
const ofNow: readonly string[] = ["unavailable", "rate_limited", "timeout", "unauthorized", "forbidden", "cancelled"];

/** Where its payload cannot be read the forge is asked to send it once more; one that is too large would be refused again and again. */
async function readOrAskAgain(
  parts: ReconcileApiParts,
  { repository, deliveries, hookId }: OfHook,
  { id }: HookDelivery,
  signal: AbortSignal,
): Promise<Delivery | "asked again" | "too large"> {
  try {
    const sent = await deliveries.read(hookId, id, signal);
    if (sent.body.length > parts.bodyBytesMax) return "too large";
    if (sent.body.length > emptyBytes) return toDelivery(parts, repository, hookId, sent);
  } catch (thrown) {
    signal.throwIfAborted();
    if (ofNow.includes(toAppError(thrown).code)) throw thrown;
  }
  // Where even that is not found, the forge has nothing left of it.
  await deliveries.redeliver(hookId, id, signal).catch((cause: unknown) => {
    if (toAppError(cause).code !== "not_found") throw cause;
  });
  return "asked again";
}

/** As far as the forge's own headers go: nothing signs these bytes, they came by its API. */
const keptHeader =
  /^(?:user-agent|x-[a-z]+-(?:event|event-type|delivery|hook-id|hook-installation-target-(?:type|id)))$/;

function toDelivery(
  { readers }: ReconcileApiParts,
  repository: Repository,
  hookId: string,
  { guid, event: name, headers: all, body }: SentDelivery,
): Delivery {
  const forge = repository.forge.name;
  const reader = readers.find((one) => one.name === forge);
  if (reader === undefined) throw new AppError("internal", `nobody reads what ${forge} sends`);
  const kept = Object.entries(all).filter(([header]) => keptHeader.test(header));
  // A form is kept by the forge as the JSON that was in it.
  const headers = { ...Object.fromEntries(kept), "content-type": "application/json" };
  const event = reader.read({ name, headers, body });
  const sentBy = hookId === appHookId ? (all["x-github-hook-id"] ?? null) : hookId;
  return { guid, forge, name, hookId: sentBy, event, body, headers, secretId: "api", origin: "api" };
}
