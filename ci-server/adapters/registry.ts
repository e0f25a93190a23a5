// The registry's own API (OCI distribution specification 1.1) over verified TLS: what is really there, and tags by manifest.

import { AppError } from "../core/errors.ts";
import { annotated } from "../core/manifest.ts";
import type { AnnotateRequest, Manifest, Registry } from "../core/ports.ts";
import { createRegistryHttp, type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { digestOf, getManifest, parseManifest, putManifest, type StoredManifest } from "./registry-manifest.ts";

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
    annotate: (request) => annotate(http, request),
    async tag({ image, digest, tags, fence, signal }) {
      const found = await getPushed(http, image, digest, signal);
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

async function annotate(http: RegistryHttp, request: AnnotateRequest): Promise<Manifest> {
  const { image, digest, annotations, fence, signal } = request;
  const found = await getPushed(http, image, digest, signal);
  const json = annotated(parseManifest(found.bytes), found.mediaType, annotations);
  if (json === null) return toManifest(found);
  const bytes = Buffer.from(JSON.stringify(json));
  const made = { digest: digestOf(bytes), mediaType: json.mediaType, bytes };
  await fence();
  await putManifest(http, image, made.digest, made, signal);
  return toManifest(made);
}

async function getPushed(
  http: RegistryHttp,
  image: string,
  digest: string,
  signal: AbortSignal,
): Promise<StoredManifest> {
  const found = await getManifest(http, image, digest, signal);
  if (found === null) throw new AppError("unavailable", `the registry has no ${image}@${digest} after the push`);
  return found;
}

function toManifest({ digest, mediaType, bytes }: StoredManifest): Manifest {
  const { config, layers = [], manifests = [], annotations = {} } = parseManifest(bytes);
  const stored = config === undefined ? layers : [config, ...layers];
  return {
    ...{ digest, mediaType, annotations, configDigest: config?.digest ?? null },
    bytes: stored.reduce((sum, { size }) => sum + size, 0),
    parts: [...stored, ...manifests].map((part) => part.digest),
  };
}
