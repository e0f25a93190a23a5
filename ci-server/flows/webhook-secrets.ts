// The secrets that deliveries may be signed with, as this process knows them: those of the configuration, and those that all
// processes share. A delivery is refused only by a list that was read less than a second ago, so whoever makes a secret and
// waits longer than that may give it to a hook.

import { AppError } from "../core/errors.ts";
import type { Clock, SecretOrigin, SecretStore, StoredSecret } from "../core/ports.ts";

/** So old a list may be and still refuse. */
export const freshMs = 1_000;
/** What was made so recently may not be known everywhere: its transaction may have taken as long as a statement may. */
const youngMs = 10_000;
const settleMs = freshMs + 500;
/** What was taken back elsewhere is known here after so long. */
const lookMs = 10_000;

export interface KnownSecret {
  readonly id: string;
  readonly secret: string;
  readonly origin: SecretOrigin | "configured";
  readonly isRolledOut: boolean;
}

export interface WebhookSecrets {
  /** All that are accepted at this time; the first one is for hooks. */
  list(): readonly KnownSecret[];
  /** Reads again unless that was done just now; whether it knows others than before. Throws `unavailable`. */
  refresh(): Promise<boolean>;
  /** The one for hooks, once every receiver knows it. Throws `unavailable`. */
  current(signal: AbortSignal): Promise<KnownSecret>;
  /** Makes one that follows the others; receivers may not know it yet. */
  make(): Promise<void>;
  close(): Promise<void>;
}

export interface WebhookSecretParts {
  readonly store: SecretStore;
  readonly clock: Clock;
  /** Accepted as long as they are configured. */
  readonly configured: readonly Pick<KnownSecret, "id" | "secret">[];
  readonly overlapHours: number;
  readonly random: () => string;
  /** Called when others are stored than before. */
  readonly changed: (secrets: readonly KnownSecret[]) => Promise<void>;
  readonly report: (error: unknown) => void;
}

interface Read {
  readonly stored: readonly StoredSecret[];
  readonly atMs: number;
}

/** Looks from time to time until it is closed. */
export async function openWebhookSecrets(parts: WebhookSecretParts): Promise<WebhookSecrets> {
  const { store, clock, overlapHours } = parts;
  let known: Read = { stored: [], atMs: Number.NEGATIVE_INFINITY };
  /** Those for which it was waited. */
  const settled = new Set<string>();
  let reading: Promise<boolean> | null = null;
  let failed: { readonly error: unknown; readonly atMs: number } | null = null;
  const list = () => inOrder(parts, known, clock.monotonicMs());
  const read = async () => {
    const atMs = clock.monotonicMs();
    const before = namesOf(known);
    known = { stored: await store.accepted(overlapHours), atMs };
    const isOther = namesOf(known) !== before;
    if (isOther) await parts.changed(list());
    return isOther;
  };
  const isRecent = (atMs: number) => clock.monotonicMs() - atMs < freshMs;
  const refresh = () => {
    if (isRecent(known.atMs)) return Promise.resolve(false);
    if (failed !== null && isRecent(failed.atMs)) return Promise.reject(failed.error);
    reading ??= read()
      .catch((error: unknown) => {
        failed = { error, atMs: clock.monotonicMs() };
        throw error;
      })
      .finally(() => {
        reading = null;
      });
    return reading;
  };
  await read();
  const looking = startLooking(parts, refresh);
  return {
    ...{ list, refresh, close: looking },
    async make() {
      await store.keep({ secret: parts.random(), origin: "made", isRolledOut: false });
      await read();
    },
    async current(signal) {
      await read();
      const [secret] = list();
      if (secret === undefined || secret.origin === "app")
        throw new AppError("not_found", "there is no webhook secret; set MERGEDOCK_WEBHOOK_SECRETS or make one");
      const age = known.stored.find(({ id }) => id === secret.id)?.ageMs ?? Number.POSITIVE_INFINITY;
      if (age < youngMs && !settled.has(secret.id)) await clock.sleep(settleMs, signal);
      settled.add(secret.id);
      return secret;
    },
  };
}

/** Those that were made here, newest first; then the configuration's; an App's own are for no hook. */
function inOrder({ configured }: WebhookSecretParts, { stored, atMs }: Read, nowMs: number): readonly KnownSecret[] {
  const valid = stored.filter(({ acceptedMs }) => acceptedMs === null || acceptedMs > nowMs - atMs);
  const own = configured.map((one) => ({ ...one, origin: "configured" as const, isRolledOut: true }));
  const following = valid.filter(({ origin, acceptedMs }) => origin === "made" && acceptedMs === null);
  const rest = valid.filter((one) => !following.includes(one));
  const all: readonly KnownSecret[] = [...following, ...own, ...rest];
  return all.filter(({ id }, index) => all.findIndex((one) => one.id === id) === index);
}

function namesOf({ stored }: Read): string {
  return stored.map(({ id, acceptedMs }) => `${id} ${acceptedMs === null}`).join();
}

function startLooking({ clock, report }: WebhookSecretParts, refresh: () => Promise<boolean>): () => Promise<void> {
  const ending = new AbortController();
  const look = async () => {
    while (!ending.signal.aborted) {
      await clock.sleep(lookMs, ending.signal).catch(() => undefined);
      if (!ending.signal.aborted) await refresh().catch(report);
    }
  };
  const done = look();
  return async () => {
    ending.abort();
    await done;
  };
}
