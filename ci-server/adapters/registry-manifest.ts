// Reads and writes manifests of any registry; a digest is always that of the bytes that were received.

import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { AppError } from "../core/errors.ts";
import { isDigest } from "../core/image-ref.ts";
import type { ManifestJson } from "../core/manifest.ts";
import { type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";

/** For the header of the same name. */
export const accept = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
].join(", ");

export interface StoredManifest {
  readonly digest: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** `reference`: tag or digest. Null when there is none. Throws `conflict` when the bytes do not have the digest asked for. */
export async function getManifest(
  registry: RegistryHttp,
  image: string,
  reference: string,
  signal: AbortSignal,
): Promise<StoredManifest | null> {
  const call = { method: "GET", path: `/v2/${image}/manifests/${reference}`, scope: scopeOf(image) } as const;
  const answer = await registry.read({ ...call, headers: { accept }, signal });
  if (answer.status === 404) return null;
  if (answer.status !== 200) throw unexpectedAnswer(answer, `GET ${image} ${reference}`);
  const digest = digestOf(answer.body);
  if (isDigest(reference) && digest !== reference)
    throw new AppError("conflict", `the registry answers ${reference} of ${image} with other bytes (${digest})`);
  const mediaType = parseManifest(answer.body).mediaType ?? answer.headers["content-type"] ?? "";
  return { digest, mediaType, bytes: answer.body };
}

/** `reference`: tag or digest. Returns the answer's headers. */
export async function putManifest(
  registry: RegistryHttp,
  image: string,
  reference: string,
  { mediaType, bytes }: Omit<StoredManifest, "digest">,
  signal: AbortSignal,
): Promise<IncomingHttpHeaders> {
  const call = { method: "PUT", path: `/v2/${image}/manifests/${reference}`, scope: scopeOf(image) } as const;
  const answer = await registry.read({ ...call, headers: { "content-type": mediaType }, body: bytes, signal });
  if (answer.status !== 201) throw unexpectedAnswer(answer, `PUT ${image} ${reference}`);
  return answer.headers;
}

export function digestOf(bytes: Buffer): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

export function parseManifest(bytes: Buffer): ManifestJson {
  return JSON.parse(bytes.toString("utf8")) as ManifestJson; // every field is optional
}

/** Reading with the right to write asks for one token and not two. */
export function scopeOf(image: string): string {
  return `repository:${image}:pull,push`;
}
