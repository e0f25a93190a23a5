// Copies an image from our own registry to another one, blob by blob and unchanged; what is there already is not sent.

import { AppError } from "../core/errors.ts";
import { failedBuild } from "../core/failure.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { CopyRequest, Destinations } from "../core/ports.ts";
import { type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { getManifest, parseManifest, putManifest, type StoredManifest, scopeOf } from "./registry-manifest.ts";

/** An index of indexes has an end. */
const depthMax = 3;

export interface CopyOptions {
  readonly own: RegistryHttp;
  readonly others: readonly RegistryHttp[];
}

interface Copying extends CopyRequest {
  readonly own: RegistryHttp;
  readonly other: RegistryHttp;
  /** Path at the other registry. */
  readonly path: string;
}

export function createDestinations({ own, others }: CopyOptions): Destinations {
  return {
    async copy(request) {
      const slash = request.destination.indexOf("/");
      const host = request.destination.slice(0, slash);
      const other = others.find((one) => one.host === host);
      if (other === undefined)
        throw new AppError("invalid", `registry ${host} is not configured; add it under "registries" in mergedock.yml`);
      const copying = { ...request, own, other, path: request.destination.slice(slash + 1) };
      const kept = new Set<string>();
      for (const tag of request.immutable) if (await isThere(copying, tag)) kept.add(tag);
      const tags = request.tags.filter((tag) => !kept.has(tag));
      const manifest = await copyManifest(copying, request.digest, 0);
      for (const tag of tags) await put(copying, tag, manifest);
      await prove({ ...copying, tags });
    },
  };
}

/** With the same content, whatever is annotated: then it stays as it is. Throws `conflict` for other content. */
async function isThere(copying: Copying, tag: string): Promise<boolean> {
  const { own, other, image, path, digest, destination, signal } = copying;
  const found = await getManifest(other, path, tag, signal);
  if (found === null || found.digest === digest) return false;
  const ours = await getManifest(own, image, digest, signal);
  const config = parseManifest(found.bytes).config?.digest;
  if (config !== undefined && ours !== null && parseManifest(ours.bytes).config?.digest === config) return true;
  const message = `tag_exists: ${destination}:${tag} names ${found.digest} and must not change; choose another version`;
  throw failedBuild("conflict", message, { kind: "tag_exists" });
}

/** What it refers to first: a registry takes no manifest of what it does not have. Returns the manifest. */
async function copyManifest(copying: Copying, digest: string, depth: number): Promise<StoredManifest> {
  const { own, image, signal } = copying;
  const manifest = await getManifest(own, image, digest, signal);
  if (manifest === null) throw new AppError("unavailable", `the registry does not have ${image}@${digest}`);
  if (depth > depthMax) throw new AppError("invalid", `${image}@${digest} has indexes within indexes`);
  const { manifests = [], config, layers = [] } = parseManifest(manifest.bytes);
  for (const child of manifests) await copyManifest(copying, child.digest, depth + 1);
  for (const blob of [config, ...layers]) if (blob !== undefined) await copyBlob(copying, blob);
  await put(copying, digest, manifest);
  return manifest;
}

async function put(
  { other, path, fence, signal }: Copying,
  reference: string,
  manifest: StoredManifest,
): Promise<void> {
  await fence();
  await putManifest(other, path, reference, manifest, signal);
}

async function copyBlob(copying: Copying, { digest, size }: Descriptor): Promise<void> {
  const { own, other, image, path, signal, log, destination } = copying;
  const scope = scopeOf(path);
  const there = await other.read({ method: "HEAD", path: `/v2/${path}/blobs/${digest}`, scope, signal });
  if (there.status === 200) return;
  const begun = await other.read({ method: "POST", path: `/v2/${path}/blobs/uploads/`, scope, signal });
  const location = begun.headers.location;
  if (begun.status !== 202 || location === undefined) throw unexpectedAnswer(begun, `an upload to ${destination}`);
  const upload = new URL(location, new URL(`/v2/${path}/blobs/uploads/`, "https://registry.invalid"));
  upload.searchParams.set("digest", digest);
  const target = upload.host === "registry.invalid" ? `${upload.pathname}${upload.search}` : upload.href;
  const source = await own.open({ method: "GET", path: `/v2/${image}/blobs/${digest}`, scope: scopeOf(image), signal });
  if (source.statusCode !== 200) {
    source.destroy();
    throw new AppError("unavailable", `the registry answered blob ${digest} of ${image} with ${source.statusCode}`);
  }
  const headers = { "content-type": "application/octet-stream", "content-length": String(size) };
  const call = { method: "PUT", path: target, scope, headers, body: source, signal } as const;
  const answer = await other.read(call).finally(() => source.destroy());
  if (answer.status !== 201) throw unexpectedAnswer(answer, `blob ${digest} to ${destination}`);
  log(`${destination}: sent ${digest} (${size} bytes)`);
}

async function prove({ other, path, digest, tags, destination, signal }: Copying): Promise<void> {
  for (const reference of [digest, ...tags]) {
    const found = (await getManifest(other, path, reference, signal))?.digest ?? "nothing";
    if (found !== digest)
      throw new AppError("unavailable", `${destination} has ${found} under ${reference} after the copy, not ${digest}`);
  }
}
