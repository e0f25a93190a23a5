// Puts together what attests images: the key, the registry's artifacts, who builds.

import path from "node:path";
import { createAttestations } from "./adapters/attestations.ts";
import type { Signer } from "./adapters/dsse.ts";
import type { RegistryHttp } from "./adapters/registry-http.ts";
import type { Config } from "./config.ts";
import { AppError } from "./core/errors.ts";
import type { Locked } from "./core/ports.ts";
import type { AttestParts } from "./flows/attest-parts.ts";
import { version } from "./version.ts";

export interface AttestingOptions {
  readonly config: Config;
  /** Of our own registry. */
  readonly http: RegistryHttp;
  readonly signer: Signer | null;
  readonly locked: Locked;
}

/** Null where attestations are off. */
export function openAttesting({ config, http, signer, locked }: AttestingOptions): AttestParts | null {
  const { attestations, limits, stateFolder } = config;
  if (!attestations.enabled) return null;
  if (signer === null) throw new AppError("invalid", "attestations.key_file: a worker needs it, the same one for all");
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
  return { attestations: createAttestations({ http, signer, ...reading }), builder: { id, version }, locked };
}
