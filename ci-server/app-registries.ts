// Clients of all registries of the configuration: our own and those beside it.

import { readFileSync } from "node:fs";
import { createDestinations } from "./adapters/registry-copy.ts";
import { createRegistryHttp, type RegistryHttp } from "./adapters/registry-http.ts";
import type { Config, OtherRegistry } from "./config.ts";
import { AppError } from "./core/errors.ts";
import type { Destinations } from "./core/ports.ts";

/** Docker's hub answers references under another name than its own. */
export const apiUrls: Readonly<Record<string, string>> = { "docker.io": "https://registry-1.docker.io" };

/** `own`: our own registry, whose owner closes it. Throws `invalid` when a CA's file cannot be read. */
export function openDestinations(
  { registries }: Config,
  own: RegistryHttp,
  timeoutMs: number,
): Destinations & { close(): Promise<void> } {
  const others = registries.map((other) => openOther(other, timeoutMs));
  // A copy within our own registry is one too.
  const destinations = createDestinations({ own, others: [own, ...others] });
  return {
    ...destinations,
    async close() {
      for (const registry of others) registry.close();
    },
  };
}

function openOther({ host, username, password, caFile }: OtherRegistry, timeoutMs: number): RegistryHttp {
  const credentials = username === null || password === null ? null : { username, password };
  const ca = caFile === null ? null : readCa(host, caFile);
  const settings = `registries[${host}]`;
  return createRegistryHttp({ host, settings, apiUrl: apiUrls[host] ?? `https://${host}`, ca, credentials, timeoutMs });
}

/** Throws `invalid` when it cannot be read. */
export function readCa(host: string, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException; // of node:fs
    throw new AppError("invalid", `registries: ${host}: ca_file ${file} cannot be read (${code})`, { cause });
  }
}
