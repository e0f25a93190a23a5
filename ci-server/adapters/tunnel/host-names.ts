// What this machine knows of names: its own addresses, and those of others.

import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import { type HostNames, isLoopback } from "../../core/tunnel-choice.ts";

/** `user`: where the program is that uses the names. */
export function hostNamesFor(user: string, signal: AbortSignal): HostNames {
  const late = new Promise<[]>((resolve) => signal.addEventListener("abort", () => resolve([]), { once: true }));
  return {
    isLocal: isLoopback(user),
    addressesOf: (name) => Promise.race([look(name), late]),
    ownAddresses: () =>
      Object.values(networkInterfaces())
        .flatMap((addresses) => addresses ?? [])
        .filter(({ internal }) => !internal)
        .map(({ address }) => address),
  };
}

async function look(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true }).catch(() => []);
  return found.map(({ address }) => address);
}
