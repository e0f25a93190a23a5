// Copies what our own registry keeps beside an image to beside the same image in another one, unchanged.

import { AppError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { CopyReferrersRequest } from "../core/ports.ts";
import { createRegistryArtifacts } from "./registry-artifacts.ts";
import { addToList } from "./registry-attach.ts";
import { copyBlob, type Way } from "./registry-copy-blob.ts";
import { getManifest, parseManifest, putManifest } from "./registry-manifest.ts";

type Copying = CopyReferrersRequest & Way;

export async function copyReferrers(request: CopyReferrersRequest, way: Way): Promise<void> {
  const { digest, referrers, locked, fence, signal } = request;
  const { other, path } = way;
  const unlisted: Descriptor[] = [];
  for (const at of referrers) {
    const { descriptor, isListed } = await copyOne({ ...request, ...way }, at);
    if (!isListed) unlisted.push(descriptor);
  }
  const list = { image: path, subject: { digest }, locked, fence, signal };
  if (unlisted.length > 0) await addToList(other, list, unlisted);
  await prove({ ...request, ...way });
}

interface Copied {
  readonly descriptor: Descriptor;
  /** A registry with the referrers API says that it has seen the subject, and then lists it by itself. */
  readonly isListed: boolean;
}

async function copyOne(copying: Copying, at: string): Promise<Copied> {
  const { own, other, image, path, fence, signal } = copying;
  const manifest = await getManifest(own, image, at, signal);
  if (manifest === null) throw new AppError("unavailable", `the registry does not have ${image}@${at}`);
  const { config, layers = [], artifactType, annotations } = parseManifest(manifest.bytes);
  for (const blob of [config, ...layers]) if (blob !== undefined) await copyBlob(copying, blob);
  await fence();
  const headers = await putManifest(other, path, at, manifest, signal);
  const { mediaType, bytes } = manifest;
  const what = { ...(artifactType !== undefined && { artifactType }), ...(annotations && { annotations }) };
  return {
    descriptor: { mediaType, digest: at, size: bytes.length, ...what },
    isListed: headers["oci-subject"] !== undefined,
  };
}

async function prove({ other, path, digest, referrers, destination, signal }: Copying): Promise<void> {
  const there = await createRegistryArtifacts(other).referrers(path, digest, signal);
  const missing = referrers.find((one) => !there.some((listed) => listed.digest === one));
  if (missing !== undefined)
    throw new AppError("unavailable", `${destination} does not list ${missing} beside ${digest} after the copy`);
}
