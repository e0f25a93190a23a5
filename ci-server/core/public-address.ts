// Where a forge sends its deliveries to.

import type { PublicAddress, TunnelState, TunnelTarget } from "./ports.ts";

/** What the forge's hook is given as its URL. Of an address that has the path of some forge, that path is left out. */
export function payloadUrlAt({ url, isChannel }: PublicAddress, forge: string): string {
  if (isChannel) return url;
  return `${url.replace(/\/+$/, "").replace(/\/webhooks\/[a-z]+$/, "")}/webhooks/${forge}`;
}

/** `because`: what is missing for more than that. */
export function localMode(because: string, isTrouble = false): TunnelState {
  const why = `none (${because}): local mode, the webhook is reachable from this machine only`;
  return { address: null, why, isTrouble };
}

/** How a program on this machine reaches the listener. */
export function localUrl({ host, port }: TunnelTarget): string {
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${own.includes(":") ? `[${own}]` : own}:${port}`;
}
