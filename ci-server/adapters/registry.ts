// The registry's own API (OCI distribution specification 1.1) over verified TLS: what is really there, and tags by manifest.

import { AppError } from "../core/errors.ts";
import type { Manifest, Registry } from "../core/ports.ts";
import { createRegistryHttp, type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { getManifest, parseManifest, putManifest, type StoredManifest } from "./registry-manifest.ts";

export interface RegistryOptions {
  /** As references name it; only a copy to it asks for that. */
  readonly host?: string;
  /** `https://registry:5000`: as this process reaches it. */
  readonly apiUrl: string;
  /** PEM; null trusts the machine's certificate authorities. */
  readonly ca: string | null;
  readonly username: string;
  readonly password: string;
  readonly timeoutMs: number;
}

export interface RegistryClient extends Registry {
  /** For what else is asked of the same registry. */
  readonly http: RegistryHttp;
  close(): Promise<void>;
}

export function createRegistry(options: RegistryOptions): RegistryClient {
  const { apiUrl, host = apiUrl, ca, username, password, timeoutMs } = options;
  const credentials = { username, password };
  const http = createRegistryHttp({ host, settings: "registry", apiUrl, ca, credentials, timeoutMs });
  return {
    http,
    async manifest(image, reference, signal) {
      const found = await getManifest(http, image, reference, signal);
      return found && toManifest(found);
    },
    async tag({ image, digest, tags, fence, signal }) {
      const found = await getManifest(http, image, digest, signal);
      if (found === null) throw new AppError("unavailable", `the registry has no ${image}@${digest} after the push`);
      for (const tag of tags) {
        await fence();
        await putManifest(http, image, tag, found, signal);
      }
    },
    async check(signal) {
      const answer = await http.read({ method: "GET", path: "/v2/", scope: "", signal });
      if (answer.status !== 200) throw unexpectedAnswer(answer, "GET /v2/");
      return `${apiUrl} over ${ca === null ? "TLS" : "TLS with the configured CA"}, signed in as ${username}`;
    },
    close: async () => http.close(),
  };
}

function toManifest({ digest, mediaType, bytes }: StoredManifest): Manifest {
  const { config, layers = [] } = parseManifest(bytes);
  const sizes = [config?.size ?? 0, ...layers.map((layer) => layer.size)];
  return { digest, mediaType, configDigest: config?.digest ?? null, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}
