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

const underWay = new Map<string, Promise<string[]>>();

/**
 * One question for a name at a time. A name that nobody knows may keep the resolver busy for longer than whoever asks waits, and with
 * it one of the process's four threads for names and files: were it asked anew each time, the database's name would wait too.
 */
export async function look(name: string): Promise<string[]> {
  const asked = underWay.get(name) ?? lookup(name, { all: true }).then(addresses, () => []);
  underWay.set(name, asked);
  return asked.finally(() => underWay.delete(name));
}

function addresses(found: readonly { readonly address: string }[]): string[] {
  return found.map(({ address }) => address);
}
