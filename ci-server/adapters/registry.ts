// The registry's own API (OCI distribution specification 1.1) over verified TLS: what is really there, and tags by manifest.

import { createHash } from "node:crypto";
import { Agent, request } from "node:https";
import { AppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import type { Manifest, Registry } from "../core/ports.ts";

const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
// Source: OCI distribution specification 1.1, "Pushing manifests": registries should accept at least this.
const manifestBytesMax = 4 * 1024 * 1024;

export interface RegistryOptions {
  /** `https://registry:5000`: as this process reaches it. */
  readonly apiUrl: string;
  /** PEM; null trusts the machine's certificate authorities. */
  readonly ca: string | null;
  readonly username: string;
  readonly password: string;
  readonly timeoutMs: number;
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: Buffer;
}

interface Call {
  readonly method: "GET" | "PUT";
  readonly path: string;
  readonly signal: AbortSignal;
  readonly body?: { readonly type: string; readonly bytes: Buffer };
}

export interface RegistryClient extends Registry {
  close(): Promise<void>;
}

export function createRegistry(options: RegistryOptions): RegistryClient {
  const agent = new Agent({ keepAlive: true, ...(options.ca !== null && { ca: options.ca }) });
  const call = (what: Call) => send(agent, options, what);
  return {
    manifest: async (image, reference, signal) => (await getManifest(call, image, reference, signal))?.manifest ?? null,
    async tag({ image, digest, tags, fence, signal }) {
      const found = await getManifest(call, image, digest, signal);
      if (found === null) throw new AppError("unavailable", `the registry has no ${image}@${digest} after the push`);
      const body = { type: found.manifest.mediaType, bytes: found.bytes };
      for (const tag of tags) {
        await fence();
        const answer = await call({ method: "PUT", path: `/v2/${image}/manifests/${tag}`, signal, body });
        if (answer.status !== 201) throw unexpected(answer, `tagging ${image}:${tag}`);
      }
    },
    async check(signal) {
      const answer = await call({ method: "GET", path: "/v2/", signal });
      if (answer.status !== 200) throw unexpected(answer, "GET /v2/");
      return `${options.apiUrl} over ${options.ca === null ? "TLS" : "TLS with the configured CA"}, signed in as ${options.username}`;
    },
    close: async () => agent.destroy(),
  };
}

async function send(agent: Agent, options: RegistryOptions, what: Call): Promise<Answer> {
  try {
    const answer = await exchange(agent, options, what);
    if (answer.status === 401 || answer.status === 403) throw refused(options);
    return answer;
  } catch (cause) {
    what.signal.throwIfAborted();
    throw cause instanceof AppError ? cause : unreachable(options, cause);
  }
}

function exchange(agent: Agent, options: RegistryOptions, { method, path, body, signal }: Call): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const sending = request(new URL(path, options.apiUrl), {
    ...{ agent, method, auth: `${options.username}:${options.password}` },
    headers: {
      accept: manifestTypes.join(", "),
      ...(body && { "content-type": body.type, "content-length": body.bytes.length }),
    },
    signal: AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs)]),
  });
  sending.on("error", reject);
  sending.on("response", (response) => {
    const { statusCode: status = 0, headers } = response;
    readBody(response).then((bytes) => resolve({ status, type: headers["content-type"] ?? "", body: bytes }), reject);
  });
  sending.end(body?.bytes);
  return promise;
}

async function readBody(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > manifestBytesMax)
      throw new AppError("too_large", `the registry sent more than ${manifestBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function getManifest(
  call: (what: Call) => Promise<Answer>,
  image: string,
  reference: string,
  signal: AbortSignal,
): Promise<{ readonly manifest: Manifest; readonly bytes: Buffer } | null> {
  const answer = await call({ method: "GET", path: `/v2/${image}/manifests/${reference}`, signal });
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw unexpected(answer, `GET ${image} ${reference}`);
  const digest = `sha256:${createHash("sha256").update(answer.body).digest("hex")}`;
  if (isDigest(reference) && digest !== reference) {
    throw new AppError("conflict", `the registry answers ${reference} of ${image} with other bytes (${digest})`);
  }
  return { manifest: toManifest(answer, digest), bytes: answer.body };
}

/** The fields used here; a registry is trusted to send a manifest, not to send these. */
interface ManifestJson {
  readonly mediaType?: string;
  readonly config?: { readonly digest: string; readonly size: number };
  readonly layers?: readonly { readonly size: number }[];
}

function toManifest(answer: Answer, digest: string): Manifest {
  const json = JSON.parse(answer.body.toString("utf8")) as ManifestJson;
  const sizes = [json.config?.size ?? 0, ...(json.layers ?? []).map((layer) => layer.size)];
  return {
    digest,
    mediaType: json.mediaType ?? answer.type,
    configDigest: json.config?.digest ?? null,
    bytes: sizes.reduce((sum, size) => sum + size, 0),
  };
}

function refused(options: RegistryOptions): AppError {
  const message = `the registry ${options.apiUrl} refuses user "${options.username}"; check registry.username and registry.password_file`;
  return new AppError("unauthorized", message);
}

/** Codes of OpenSSL's verification as node:tls passes them on; all of them mean that the certificate is not from the CA given. */
const certificateCodes = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/;

function unreachable(options: RegistryOptions, cause: unknown): AppError {
  const { code, message } = cause as { code?: string; message?: string }; // node:https rejects with errors that have both
  if (certificateCodes.test(code ?? "")) {
    const text = `the certificate of ${options.apiUrl} is not signed by the configured CA (${code}); check registry.ca_file`;
    return new AppError("forbidden", text, { cause });
  }
  return new AppError(
    "unavailable",
    `the registry ${options.apiUrl} cannot be reached: ${message ?? String(cause)}; does it run, and is registry.api_url right?`,
    {
      cause,
    },
  );
}

function unexpected(answer: Answer, what: string): AppError {
  const code = answer.status >= 500 || answer.status === 429 ? "unavailable" : "internal";
  const text = answer.body.toString("utf8", 0, 300);
  return new AppError(code, `the registry answered ${what} with ${answer.status}: ${text}`);
}
