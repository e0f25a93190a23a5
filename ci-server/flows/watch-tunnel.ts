// Looks now and then at which public address the webhooks have, and has the forges' hooks follow it.

import type { Clock, PublicAddress, Tunnel, TunnelState } from "../core/ports.ts";

/** One look may fail on a busy machine; so many on end are an outage. */
const missesMax = 2;

export type TunnelEvent =
  | { readonly kind: "opened"; readonly address: PublicAddress }
  | { readonly kind: "changed"; readonly address: PublicAddress; readonly before: PublicAddress }
  /** Hooks stay as they are: mostly it comes back where it was. */
  | { readonly kind: "away"; readonly address: PublicAddress; readonly why: string }
  | { readonly kind: "back"; readonly address: PublicAddress }
  /** There has been no address so far, though one was asked for. */
  | { readonly kind: "trouble"; readonly why: string }
  | { readonly kind: "not_followed"; readonly address: PublicAddress; readonly error: unknown };

export interface WatchTunnelParts {
  readonly tunnel: Pick<Tunnel, "look">;
  readonly clock: Clock;
  readonly everySeconds: number;
  readonly report: (event: TunnelEvent) => void;
  /** Between two attempts at having hooks follow; the first one waits for the next look. */
  readonly retryMsMax: number;
  /**
   * Of each new address, the first one too: it may have changed while this process was not there. One that throws is called
   * again, after longer and longer times.
   */
  readonly onUrl: (address: PublicAddress, signal: AbortSignal) => Promise<void>;
}

/** Looks at once, then at intervals; returns how to stop, which waits for what is under way. */
export function startWatchingTunnel(parts: WatchTunnelParts): () => Promise<void> {
  const stopping = new AbortController();
  const watching = watchUntil(parts, stopping.signal);
  return () => {
    stopping.abort();
    return watching;
  };
}

interface Seen {
  /** The last one, though it may be away. */
  readonly address: PublicAddress | null;
  readonly misses: number;
  /** The last trouble that was told of. */
  readonly why: string | null;
}

async function watchUntil(parts: WatchTunnelParts, stopping: AbortSignal): Promise<void> {
  const { tunnel, clock, everySeconds, report } = parts;
  let seen: Seen = { address: null, misses: 0, why: null };
  const followers = follow(parts, stopping);
  while (!stopping.aborted) {
    const state = await tunnel.look(stopping);
    if (stopping.aborted) return;
    const [next, event] = compare(seen, state);
    seen = next;
    if (event !== null) report(event);
    if (state.address !== null) await followers(state.address);
    await clock.sleep(everySeconds * 1000, stopping).catch(() => undefined);
  }
}

/** What is known after this look, and what there is to tell. */
export function compare(seen: Seen, state: TunnelState): readonly [Seen, TunnelEvent | null] {
  const { address } = state;
  if (address !== null) return [{ address, misses: 0, why: null }, found(seen, address)];
  if (seen.address === null) {
    const isNews = state.isTrouble && state.why !== seen.why;
    return [{ ...seen, why: state.isTrouble ? state.why : null }, isNews ? { kind: "trouble", why: state.why } : null];
  }
  const misses = seen.misses + 1;
  const isAway = misses === missesMax;
  return [{ ...seen, misses }, isAway ? { kind: "away", address: seen.address, why: state.why } : null];
}

function found({ address: before, misses }: Seen, address: PublicAddress): TunnelEvent | null {
  if (before === null) return { kind: "opened", address };
  if (before.url !== address.url) return { kind: "changed", address, before };
  return misses >= missesMax ? { kind: "back", address } : null;
}

/** To be told the address after each look. */
function follow({ onUrl, report, clock, everySeconds, retryMsMax }: WatchTunnelParts, stopping: AbortSignal) {
  const firstMs = everySeconds * 1000;
  let [asked, isDone, waitMs, nextMs] = ["", false, firstMs, 0];
  return async (address: PublicAddress) => {
    if (address.url !== asked) [asked, isDone, waitMs, nextMs] = [address.url, false, firstMs, 0];
    if (isDone || clock.monotonicMs() < nextMs) return;
    try {
      await onUrl(address, stopping);
      isDone = true;
    } catch (error) {
      if (!stopping.aborted) report({ kind: "not_followed", address, error });
      nextMs = clock.monotonicMs() + waitMs;
      waitMs = Math.min(waitMs * 2, Math.max(retryMsMax, firstMs));
    }
  };
}
