// Reads what a registry keeps beside images: blobs, and artifacts that refer to an image. Source: OCI distribution and image
// specification 1.1; where the registry has no referrers API, the list of them lies under a tag, "Referrers Tag Schema".

import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { AppError, toAppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import type { Descriptor, ManifestJson } from "../core/manifest.ts";
import { type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { getManifest, parseManifest, scopeOf } from "./registry-manifest.ts";

export const indexType = "application/vnd.oci.image.index.v1+json";
/** A list that goes on for more pages than this is no list of referrers. */
const pagesMax = 50;
/** A blob that does not go on for so long has broken off. */
const silenceMsMax = 30_000;

export interface FoundManifest {
  /** As others refer to it. */
  readonly descriptor: Descriptor;
  /** What is in it is for the reader to check. */
  readonly json: ManifestJson;
}

/** Throws what RegistryHttp throws, and `conflict` when bytes do not have the digest that was asked for. */
export interface RegistryArtifacts {
  /** Null when there is none. */
  manifest(image: string, reference: string, signal: AbortSignal): Promise<FoundManifest | null>;
  /** Null when there is none. Throws `too_large`. */
  blob(image: string, digest: string, bytesMax: number, signal: AbortSignal): Promise<Buffer | null>;
  /** Its bytes are not checked yet. Null when there is none. */
  blobStream(image: string, digest: string, signal: AbortSignal): Promise<AsyncIterable<Buffer> | null>;
  /** What refers to the manifest, by the API or by the tag. */
  referrers(image: string, digest: string, signal: AbortSignal): Promise<readonly Descriptor[]>;
}

export function createRegistryArtifacts(http: RegistryHttp): RegistryArtifacts {
  return {
    async manifest(image, reference, signal) {
      const found = await getManifest(http, image, reference, signal);
      if (found === null) return null;
      const { mediaType, digest, bytes } = found;
      return { descriptor: { mediaType, digest, size: bytes.length }, json: parseManifest(bytes) };
    },
    async blob(image, digest, bytesMax, signal) {
      const stream = await openBlob(http, image, digest, signal);
      if (stream === null) return null;
      const bytes = await readAll(stream, bytesMax, `${digest} of ${image}`);
      const found = digestOf(bytes);
      if (found === digest) return bytes;
      throw new AppError("conflict", `the registry answers ${digest} of ${image} with other bytes (${found})`);
    },
    blobStream: (image, digest, signal) => openBlob(http, image, digest, signal),
    async referrers(image, digest, signal) {
      return (await askReferrers(http, image, digest, signal)) ?? (await listUnderTag(http, image, digest, signal));
    },
  };
}

/** `sha256-<hex>`: where a registry without the referrers API has the list. */
export function referrersTag(digest: string): string {
  return digest.replace(":", "-");
}

export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function descriptorsOf({ manifests }: ManifestJson): Descriptor[] {
  return (Array.isArray(manifests) ? manifests : []).filter((one) => isDigest(String(one?.digest)));
}

async function openBlob(
  http: RegistryHttp,
  image: string,
  digest: string,
  signal: AbortSignal,
): Promise<AsyncIterable<Buffer> | null> {
  const call = { method: "GET", path: `/v2/${image}/blobs/${digest}`, scope: scopeOf(image), signal } as const;
  const response = await http.open(call);
  if (response.statusCode === 200) return untilSilent(http, response, signal);
  const body = await readAll(response, 1_000_000, "an error");
  if (response.statusCode === 404) return null;
  throw unexpectedAnswer({ status: response.statusCode ?? 0, headers: response.headers, body }, `GET ${call.path}`);
}

async function* untilSilent(
  http: RegistryHttp,
  response: IncomingMessage,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  response.setTimeout(silenceMsMax, () => response.destroy(new Error(`nothing came for ${silenceMsMax / 1000} s`)));
  try {
    yield* response;
  } catch (cause) {
    signal.throwIfAborted();
    throw new AppError("unavailable", `the registry ${http.host} broke off a blob: ${toAppError(cause).message}`, {
      cause,
    });
  } finally {
    response.destroy();
  }
}

async function readAll(stream: AsyncIterable<Buffer>, bytesMax: number, what: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new AppError("too_large", `the registry sent more than ${bytesMax} bytes of ${what}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Null where the registry does not have the API, which it says by 404; some say it by other refusals. */
async function askReferrers(
  http: RegistryHttp,
  image: string,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Descriptor[] | null> {
  const found: Descriptor[] = [];
  const call = { method: "GET", scope: scopeOf(image), headers: { accept: indexType }, signal } as const;
  let path = `/v2/${image}/referrers/${digest}`;
  for (let page = 0; page < pagesMax; page += 1) {
    const answer = await http.read({ ...call, path });
    if (page === 0 && [400, 404, 405, 501].includes(answer.status)) return null;
    if (answer.status !== 200) throw unexpectedAnswer(answer, `GET ${path}`);
    found.push(...descriptorsOf(parseManifest(answer.body)));
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(answer.headers.link ?? ""))?.[1];
    if (next === undefined) return found;
    path = next;
  }
  throw new AppError("internal", `the registry lists referrers of ${digest} on more than ${pagesMax} pages`);
}

async function listUnderTag(
  http: RegistryHttp,
  image: string,
  digest: string,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const list = await getManifest(http, image, referrersTag(digest), signal);
  return list === null ? [] : descriptorsOf(parseManifest(list.bytes));
}
