// The lab's registry as attestations see it, and artifacts to store in it.

import { readFile } from "node:fs/promises";
import type { Artifact } from "../../ci-server/adapters/registry-attach.ts";
import { createRegistryHttp, type RegistryHttp } from "../../ci-server/adapters/registry-http.ts";
import type { Lab } from "./lab.ts";

export async function labRegistryHttp(
  lab: Lab,
  apiUrl: string = lab.registry.apiUrl,
  caFile?: string,
): Promise<RegistryHttp> {
  const ca = await readFile(caFile ?? lab.registry.caFile, "utf8");
  const { username, password } = lab.account;
  const { host } = lab.registry;
  return createRegistryHttp({
    host,
    settings: "registry",
    apiUrl,
    ca,
    credentials: { username, password },
    timeoutMs: 5_000,
  });
}

export function sampleArtifact(text: string): Artifact {
  const layer = { mediaType: "application/vnd.dsse.envelope.v1+json", bytes: Buffer.from(text) };
  const annotations = { "in-toto.io/predicate-type": "https://slsa.dev/provenance/v1" };
  return { artifactType: "application/vnd.in-toto+json", layer, annotations };
}
