// Asks any registry for the digest behind a name, and goes nowhere else for it.
// Source: OCI distribution specification 1.1, "Checking if content exists in the registry".

import { createHash } from "node:crypto";
import { type BaseReference, dockerHub } from "../core/base-reference.ts";
import { AppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import { isPublicHost } from "../core/public-host.ts";
import { publicLookup } from "./private-address.ts";
import { createRegistryHttp, type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";

const accept = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
].join(", ");
/** Anybody can name any number of hosts. */
const clientsMax = 200;

export interface RegistryAccess {
  /** Where it is asked; null: https://host. */
  readonly apiUrl: string | null;
  /** PEM; null trusts the machine's authorities. */
  readonly ca: string | null;
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

export interface RegistryHeadOptions {
  /** By host; others are asked without signing in. */
  readonly registries: ReadonlyMap<string, RegistryAccess>;
  readonly timeoutMs: number;
}

export interface HeadRequest {
  readonly reference: BaseReference;
  readonly mayBePrivate: boolean;
  readonly signal: AbortSignal;
}

export interface RegistryHead {
  /**
   * Null when it has none. Throws `unavailable` (not reached, in trouble), `unauthorized` (it wants to know who asks, which some
   * say of what they do not have), `forbidden` (a certificate of another CA), `invalid` (at an address where it must not be).
   */
  digest(request: HeadRequest): Promise<string | null>;
  close(): Promise<void>;
}

export function createRegistryHead(options: RegistryHeadOptions): RegistryHead {
  const clients = new Map<string, RegistryHttp>();
  return {
    digest: (request) => askManifest(clientOf(options, clients, request), request),
    async close() {
      for (const client of clients.values()) client.close();
    },
  };
}

async function askManifest(client: RegistryHttp, { reference, signal }: HeadRequest): Promise<string | null> {
  const { path, tag, digest } = reference;
  const name = digest ?? tag;
  const call = { path: `/v2/${path}/manifests/${name}`, scope: `repository:${path}:pull`, headers: { accept }, signal };
  const head = await client.read({ ...call, method: "HEAD" });
  if (head.status === 404) return null;
  const found = String(head.headers["docker-content-digest"] ?? "");
  if (head.status === 200 && isDigest(found)) return found;
  // Some do not know HEAD, or do not say the digest.
  if (head.status !== 200 && head.status !== 405) throw unexpectedAnswer(head, `HEAD ${path} ${name}`);
  const whole = await client.read({ ...call, method: "GET" });
  if (whole.status !== 200) throw unexpectedAnswer(whole, `GET ${path} ${name}`);
  return `sha256:${createHash("sha256").update(whole.body).digest("hex")}`;
}

/** One for each host, and for whether it may be at a private address. */
function clientOf(
  { registries, timeoutMs }: RegistryHeadOptions,
  clients: Map<string, RegistryHttp>,
  { reference: { host }, mayBePrivate }: HeadRequest,
): RegistryHttp {
  const key = `${host} ${mayBePrivate}`;
  const known = clients.get(key);
  if (known !== undefined) return known;
  const { apiUrl, ca, credentials } = registries.get(host) ?? { apiUrl: null, ca: null, credentials: null };
  const [oldest] = clients;
  if (oldest !== undefined && clients.size >= clientsMax) {
    oldest[1].close();
    clients.delete(oldest[0]);
  }
  const client = createRegistryHttp({
    ...{ host, ca, credentials, timeoutMs, settings: `registries[${host}]` },
    apiUrl: apiUrl ?? `https://${host === dockerHub ? "registry-1.docker.io" : host}`,
    ...(!mayBePrivate && { guard: { lookup: publicLookup, check: refusePrivateName } }),
  });
  clients.set(key, client);
  return client;
}

/** A registry that anybody may run must not send us where it likes: for a token, or for what it says it keeps elsewhere. */
function refusePrivateName(url: URL): void {
  if (isPublicHost(url.hostname)) return;
  throw new AppError("invalid", `the registry sends us to ${url.host}, which is no public name; nobody goes there`);
}
