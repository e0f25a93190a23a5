// Sends what is to be told of builds: apart from them, again and again within limits, each channel at its own pace.

import { toAppError } from "../core/errors.ts";
import { type NotificationRule, notificationsOf } from "../core/notification.ts";
import type { Channel, Clock, Notification, NotificationStore } from "../core/ports.ts";
import { retryDelayMs } from "../core/retry.ts";

export interface NotifyParts {
  readonly store: NotificationStore;
  readonly clock: Clock;
  readonly rules: readonly NotificationRule[];
  readonly channels: readonly Channel[];
  readonly limits: {
    readonly attemptsMax: number;
    /** Of a notification, and of a build that nobody was told of. */
    readonly hoursMax: number;
    /** Of one attempt. */
    readonly secondsMax: number;
    /** For how long those that have ended are kept. */
    readonly daysMax: number;
  };
  readonly report: (event: NotifyEvent) => void;
}

/** `trouble`: of ours, with the database; it is tried again. */
export type NotifyEvent =
  | { readonly kind: "sent"; readonly notification: Notification }
  | { readonly kind: "retried" | "failed"; readonly notification: Notification; readonly problem: string }
  | { readonly kind: "given_up"; readonly count: number }
  | { readonly kind: "trouble"; readonly error: unknown };

export interface Notifying {
  /** A build has ended: no need to wait for the next look. Never throws and never waits. */
  wake(): void;
  stop(): Promise<void>;
}

const makeMax = 50;
/** Between two looks; builds end in other processes too. */
const lookMs = 5_000;
const sweepMs = 10 * 60 * 1_000;
/** After a second, then after twice as long each time. */
const retryPolicy = { delayMs: 1_000, delayMsMax: 60 * 60 * 1_000 };
/** Beyond an attempt's own time, before somebody else takes it for dead. */
const graceSeconds = 30;

/** Begins now. Whoever stops it waits for the attempts under way, which are broken off. */
export function startNotifying(parts: NotifyParts): Notifying {
  const stopping = new AbortController();
  const { signal } = stopping;
  const wakers = new Set<() => void>();
  const wake = () => {
    for (const waker of [...wakers]) waker();
  };
  let sweptMs = Number.NEGATIVE_INFINITY;
  const making = async () => {
    const made = await makeAll(parts);
    if (made > 0) wake();
    if (parts.clock.monotonicMs() - sweptMs < sweepMs) return null;
    sweptMs = parts.clock.monotonicMs();
    await sweep(parts);
    return null;
  };
  const loops = [making, ...parts.channels.map((channel) => () => sendAll(parts, channel, signal))];
  const running = loops.map((work) => loop({ parts, work, wakers, signal }));
  return {
    wake,
    async stop() {
      stopping.abort();
      wake();
      await Promise.all(running);
    },
  };
}

interface Loop {
  readonly parts: NotifyParts;
  /** Says in how many milliseconds there is something to do again; null: when it is woken. */
  readonly work: () => Promise<number | null>;
  readonly wakers: Set<() => void>;
  readonly signal: AbortSignal;
}

async function loop({ parts: { clock, report }, work, wakers, signal }: Loop): Promise<void> {
  while (!signal.aborted) {
    const woken = new AbortController();
    const waker = () => woken.abort();
    // From here on: who is woken while it works looks once more.
    wakers.add(waker);
    const dueMs = await work().catch((error: unknown) => {
      if (!signal.aborted) report({ kind: "trouble", error });
      return null;
    });
    const waitMs = Math.min(lookMs, Math.max(10, dueMs ?? lookMs));
    await clock.sleep(waitMs, AbortSignal.any([signal, woken.signal])).catch(() => undefined);
    wakers.delete(waker);
  }
}

async function makeAll({ store, rules, limits }: NotifyParts): Promise<number> {
  const toNotifications = notificationsOf.bind(null, rules);
  let all = 0;
  for (;;) {
    const made = await store.make({ toNotifications, hoursMax: limits.hoursMax, limit: makeMax });
    all += made;
    if (made < makeMax) return all;
  }
}

async function sweep({ store, limits, report }: NotifyParts): Promise<void> {
  const count = await store.giveUp(limits.hoursMax);
  if (count > 0) report({ kind: "given_up", count });
  await store.forget(limits.daysMax);
}

async function sendAll(parts: NotifyParts, channel: Channel, signal: AbortSignal): Promise<number | null> {
  const { store, limits } = parts;
  while (!signal.aborted) {
    const notification = await store.claim(channel.name, limits.secondsMax + graceSeconds);
    if (notification === null) return store.nextDueMs(channel.name);
    await sendOne(parts, channel, notification, signal);
  }
  return null;
}

async function sendOne(
  { store, clock, limits, report }: NotifyParts,
  channel: Channel,
  notification: Notification,
  signal: AbortSignal,
): Promise<void> {
  try {
    await channel.send(notification, AbortSignal.any([signal, AbortSignal.timeout(limits.secondsMax * 1_000)]));
  } catch (thrown) {
    const error = toAppError(thrown);
    const problem = error.message;
    const ageMs = clock.now().getTime() - notification.createdAt.getTime();
    const policy = { ...retryPolicy, attempts: ageMs >= limits.hoursMax * 3_600_000 ? 0 : limits.attemptsMax };
    const wait = retryDelayMs(policy, notification.attempts, error);
    // A server that stops says nothing of its channels: the next one sends it.
    const again = signal.aborted ? 0 : wait === null ? null : Math.min(wait, retryPolicy.delayMsMax);
    await store.failed(notification.id, problem, again);
    report({ kind: again === null ? "failed" : "retried", notification, problem });
    return;
  }
  await store.sent(notification.id);
  report({ kind: "sent", notification });
}
