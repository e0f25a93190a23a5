// Manifests as a registry stores them: the same image with annotations, and whether two are of the same content.
// Source: OCI image specification 1.1, "Image Manifest" and "Image Index"; Docker's image manifest version 2, schema 2.

import type { Manifest } from "./ports.ts";

/** The fields used here of a manifest or an index; a registry is trusted to send one, not to send these. */
export interface ManifestJson {
  readonly mediaType?: string;
  /** Of what is no image. */
  readonly artifactType?: string;
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
  readonly manifests?: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const ociTypes: Readonly<Record<string, string>> = {
  "application/vnd.docker.distribution.manifest.v2+json": "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.container.image.v1+json": "application/vnd.oci.image.config.v1+json",
  "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
  "application/vnd.docker.image.rootfs.diff.tar.gzip": "application/vnd.oci.image.layer.v1.tar+gzip",
  "application/vnd.docker.image.rootfs.diff.tar.zstd": "application/vnd.oci.image.layer.v1.tar+zstd",
  "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip":
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
};
const dockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
/** An image that is found built has those of an earlier build; they are no longer true. */
const ownPrefix = "dev.mergedock.";

/** The same image or index with these annotations, of OCI's types; null where it cannot have any, or has just these. */
export function annotated(
  json: ManifestJson,
  mediaType: string,
  annotations: Readonly<Record<string, string>>,
): (ManifestJson & { readonly mediaType: string }) | null {
  if (mediaType === dockerList) return null;
  const kept = Object.entries(json.annotations ?? {}).filter(([name]) => !name.startsWith(ownPrefix));
  const merged = sorted({ ...Object.fromEntries(kept), ...annotations });
  const isThere = JSON.stringify(merged) === JSON.stringify(sorted(json.annotations ?? {}));
  if (isThere && !Object.hasOwn(ociTypes, mediaType)) return null;
  return {
    ...json,
    mediaType: ociType(mediaType),
    ...(json.config !== undefined && { config: toOci(json.config) }),
    ...(json.layers !== undefined && { layers: json.layers.map(toOci) }),
    annotations: merged,
  };
}

/** The same configuration is the same image, whatever is annotated and however its layers are compressed. */
export function isSameContent(one: Manifest, other: Manifest): boolean {
  if (one.digest === other.digest) return true;
  if (one.configDigest !== null) return one.configDigest === other.configDigest;
  return other.configDigest === null && one.parts.length > 0 && one.parts.join() === other.parts.join();
}

function toOci(descriptor: Descriptor): Descriptor {
  return { ...descriptor, mediaType: ociType(descriptor.mediaType) };
}

function ociType(mediaType: string): string {
  return Object.hasOwn(ociTypes, mediaType) ? (ociTypes[mediaType] ?? mediaType) : mediaType;
}

function sorted(annotations: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(annotations).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
