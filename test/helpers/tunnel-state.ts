// What tests ask of a tunnel's state.

import type { Tunnel, TunnelState } from "../../ci-server/core/ports.ts";

const { signal } = new AbortController();

/** Looks until it is so; the test's own time limit ends it. */
export async function until(tunnel: Tunnel, isSo: (state: TunnelState) => boolean): Promise<TunnelState> {
  for (;;) {
    const state = await tunnel.look(signal);
    if (isSo(state)) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export function whyOf(state: TunnelState): string {
  return state.address === null ? state.why : "";
}

export function urlOf({ address }: TunnelState): string | null {
  return address?.url ?? null;
}
