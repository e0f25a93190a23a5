// Puts together what attests images: the key, the registry's artifacts, who builds.

import { readFileSync } from "node:fs";
import path from "node:path";
import { createAttestations } from "./adapters/attestations.ts";
import type { Signer } from "./adapters/dsse.ts";
import { createRegistryHttp } from "./adapters/registry-http.ts";
import type { RegistrySecrets } from "./app-secrets.ts";
import type { Config } from "./config.ts";
import { AppError } from "./core/errors.ts";
import type { Locked } from "./core/ports.ts";
import type { AttestParts } from "./flows/attest-parts.ts";

/** This program's. */
const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, "../package.json"), "utf8")) as {
  version: string;
};

export interface AttestingOptions {
  readonly config: Config;
  readonly registry: RegistrySecrets;
  readonly signer: Signer | null;
  readonly locked: Locked;
}

export interface Attesting {
  readonly parts: AttestParts;
  close(): Promise<void>;
}

/** Null where attestations are off. */
export function openAttesting({ config, registry, signer, locked }: AttestingOptions): Attesting | null {
  const { attestations, limits, stateFolder } = config;
  if (!attestations.enabled) return null;
  if (signer === null) throw new AppError("invalid", "attestations.key_file: a worker needs it, the same one for all");
  const { apiUrl, username, pushHost: host } = config.registry;
  const credentials = { username, password: registry.password };
  const timeoutMs = limits.registry_seconds_max * 1000;
  const http = createRegistryHttp({ host, settings: "registry", apiUrl, ca: registry.ca, credentials, timeoutMs });
  const reading = {
    cacheFolder: path.join(stateFolder, "sbom-cache"),
    cacheLayersMax: limits.sbom_cache_layers_max,
    limits: {
      layerBytesMax: limits.sbom_layer_bytes_max,
      layerEntriesMax: limits.sbom_layer_entries_max,
      layerPackagesMax: limits.sbom_layer_packages_max,
      fileBytesMax: limits.sbom_file_bytes_max,
    },
  };
  const id = attestations.builderId ?? `https://mergedock.dev/installations/${signer.publicKey.id}`;
  const parts = { attestations: createAttestations({ http, signer, ...reading }), builder: { id, version }, locked };
  return { parts, close: async () => http.close() };
}
