// Copies an image from our own registry to another one, blob by blob and unchanged; what is there already is not sent.

import { AppError } from "../core/errors.ts";
import { failedBuild } from "../core/failure.ts";
import type { CopyRequest, Destinations } from "../core/ports.ts";
import { copyBlob, type Way, wayTo } from "./registry-copy-blob.ts";
import { copyReferrers } from "./registry-copy-referrers.ts";
import type { RegistryHttp } from "./registry-http.ts";
import { getManifest, parseManifest, putManifest, type StoredManifest } from "./registry-manifest.ts";

/** An index of indexes has an end. */
const depthMax = 3;

export interface CopyOptions {
  readonly own: RegistryHttp;
  readonly others: readonly RegistryHttp[];
}

type Copying = CopyRequest & Way;

export function createDestinations({ own, others }: CopyOptions): Destinations {
  return {
    async copy(request) {
      const copying = { ...request, ...wayTo(request.destination, { own, others }) };
      const kept = new Set<string>();
      for (const tag of request.immutable) if (await isThere(copying, tag)) kept.add(tag);
      const tags = request.tags.filter((tag) => !kept.has(tag));
      const manifest = await copyManifest(copying, request.digest, 0);
      for (const tag of tags) await put(copying, tag, manifest);
      await prove({ ...copying, tags });
    },
    async copyReferrers(request) {
      await copyReferrers(request, wayTo(request.destination, { own, others }));
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

async function prove({ other, path, digest, tags, destination, signal }: Copying): Promise<void> {
  for (const reference of [digest, ...tags]) {
    const found = (await getManifest(other, path, reference, signal))?.digest ?? "nothing";
    if (found !== digest)
      throw new AppError("unavailable", `${destination} has ${found} under ${reference} after the copy, not ${digest}`);
  }
}
