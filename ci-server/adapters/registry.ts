// The registry's own API (OCI distribution specification 1.1) over verified TLS: what is really there, and tags by manifest.

import { AppError } from "../core/errors.ts";
import { annotated } from "../core/manifest.ts";
import type { AnnotateRequest, Manifest, Registry } from "../core/ports.ts";
import { createRegistryHttp, type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { digestOf, getManifest, parseManifest, putManifest, type StoredManifest } from "./registry-manifest.ts";

const recentMax = 32;
const recentBytesMax = 64 * 1024;

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
  const parts = { http, recent: new Map<string, StoredManifest>() };
  return {
    http,
    async manifest(image, reference, signal) {
      const found = await getManifest(http, image, reference, signal);
      return found && toManifest(keep(parts, image, found));
    },
    annotate: (request) => annotate(parts, request),
    async tag({ image, digest, tags, fence, signal }) {
      const found = await getPushed(parts, image, digest, signal);
      const writing = tags.map(async (tag) => {
        await fence();
        await putManifest(http, image, tag, found, signal);
      });
      // None of them is still under way after a failure.
      await Promise.allSettled(writing);
      await Promise.all(writing);
    },
    async check(signal) {
      const answer = await http.read({ method: "GET", path: "/v2/", scope: "", signal });
      if (answer.status !== 200) throw unexpectedAnswer(answer, "GET /v2/");
      return `${apiUrl} over ${ca === null ? "TLS" : "TLS with the configured CA"}, signed in as ${username}`;
    },
    close: async () => http.close(),
  };
}

interface Parts {
  readonly http: RegistryHttp;
  /** What was read or written last: under the same digest there are no other bytes, so that they need not be read again. */
  readonly recent: Map<string, StoredManifest>;
}

function keep({ recent }: Parts, image: string, found: StoredManifest): StoredManifest {
  if (found.bytes.length > recentBytesMax) return found;
  const [oldest] = recent.keys();
  if (recent.size >= recentMax && oldest !== undefined) recent.delete(oldest);
  recent.set(`${image}@${found.digest}`, found);
  return found;
}

async function annotate(parts: Parts, request: AnnotateRequest): Promise<Manifest> {
  const { image, digest, annotations, fence, signal } = request;
  const found = await getPushed(parts, image, digest, signal);
  const json = annotated(parseManifest(found.bytes), found.mediaType, annotations);
  if (json === null) return toManifest(found);
  const bytes = Buffer.from(JSON.stringify(json));
  const made = { digest: digestOf(bytes), mediaType: json.mediaType, bytes };
  await fence();
  await putManifest(parts.http, image, made.digest, made, signal);
  return toManifest(keep(parts, image, made));
}

async function getPushed(parts: Parts, image: string, digest: string, signal: AbortSignal): Promise<StoredManifest> {
  const known = parts.recent.get(`${image}@${digest}`);
  const found = known ?? (await getManifest(parts.http, image, digest, signal));
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
