// Stores artifacts that refer to an image beside it, and lists them where the registry does not do so by itself.
// Source: OCI distribution specification 1.1, "Pushing Manifests with Subject".

import { AppError } from "../core/errors.ts";
import type { Descriptor } from "../core/manifest.ts";
import type { Locked } from "../core/ports.ts";
import { descriptorsOf, digestOf, indexType, referrersTag } from "./registry-artifacts.ts";
import { type RegistryHttp, unexpectedAnswer } from "./registry-http.ts";
import { getManifest, parseManifest, putManifest, scopeOf } from "./registry-manifest.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
/** Source: OCI image specification 1.1, "Guidance for an Empty Descriptor". */
const empty = { type: "application/vnd.oci.empty.v1+json", bytes: Buffer.from("{}") };

export interface Artifact {
  readonly artifactType: string;
  readonly layer: { readonly mediaType: string; readonly bytes: Buffer };
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AttachArtifacts {
  readonly image: string;
  /** The image's manifest. */
  readonly subject: Descriptor;
  readonly artifacts: readonly Artifact[];
  readonly locked: Locked;
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

/** Where a list of referrers lies. */
export interface Listing extends Pick<AttachArtifacts, "image" | "locked" | "fence" | "signal"> {
  readonly subject: Pick<Descriptor, "digest">;
}

/** Idempotent: the same artifact is stored and listed once. Returns the manifests' digests in order. Throws what RegistryHttp throws. */
export async function attachArtifacts(http: RegistryHttp, request: AttachArtifacts): Promise<readonly string[]> {
  const { image, artifacts, fence, signal } = request;
  await fence();
  // Each round trip counts: a merge waits for them.
  const putLayers = artifacts.map(({ layer }) => putBlob(http, image, layer.bytes, signal));
  await Promise.all([putEmpty(http, image, signal), ...putLayers]);
  await fence();
  const stored = await Promise.all(artifacts.map((artifact) => putArtifact(http, request, artifact)));
  // A registry with the API says that it has seen the subject, and then lists it by itself.
  const unlisted = stored.filter(({ isListed }) => !isListed).map(({ descriptor }) => descriptor);
  if (unlisted.length > 0) await addToList(http, request, unlisted);
  return stored.map(({ descriptor }) => descriptor.digest);
}

async function putArtifact(
  http: RegistryHttp,
  { image, subject, signal }: AttachArtifacts,
  artifact: Artifact,
): Promise<{ readonly descriptor: Descriptor; readonly isListed: boolean }> {
  const bytes = Buffer.from(JSON.stringify(toManifest(artifact, subject)));
  const { artifactType, annotations } = artifact;
  const descriptor = {
    ...{ mediaType: manifestType, digest: digestOf(bytes), size: bytes.length },
    ...{ artifactType, annotations },
  };
  const headers = await putManifest(http, image, descriptor.digest, { mediaType: manifestType, bytes }, signal);
  return { descriptor, isListed: headers["oci-subject"] !== undefined };
}

function toManifest({ artifactType, layer, annotations }: Artifact, subject: Descriptor): object {
  return {
    schemaVersion: 2,
    mediaType: manifestType,
    artifactType,
    config: { mediaType: empty.type, digest: digestOf(empty.bytes), size: empty.bytes.length },
    layers: [{ mediaType: layer.mediaType, digest: digestOf(layer.bytes), size: layer.bytes.length, annotations }],
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations,
  };
}

/** Most often it is there. */
async function putEmpty(http: RegistryHttp, image: string, signal: AbortSignal): Promise<void> {
  const call = { method: "HEAD", path: `/v2/${image}/blobs/${digestOf(empty.bytes)}`, scope: scopeOf(image) } as const;
  const known = await http.read({ ...call, signal });
  if (known.status !== 200) await putBlob(http, image, empty.bytes, signal);
}

async function putBlob(http: RegistryHttp, image: string, bytes: Buffer, signal: AbortSignal): Promise<void> {
  const scope = scopeOf(image);
  const begun = await http.read({ method: "POST", path: `/v2/${image}/blobs/uploads/`, scope, signal });
  const { location } = begun.headers;
  if (begun.status !== 202 || location === undefined) throw unexpectedAnswer(begun, `an upload to ${image}`);
  // Some registries give a path, some a URL, with parameters of their own.
  const upload = new URL(location, "https://registry.invalid");
  upload.searchParams.set("digest", digestOf(bytes));
  const path = upload.host === "registry.invalid" ? `${upload.pathname}${upload.search}` : upload.href;
  const headers = { "content-type": "application/octet-stream", "content-length": String(bytes.length) };
  const answer = await http.read({ method: "PUT", path, scope, headers, body: bytes, signal });
  if (answer.status !== 201) throw unexpectedAnswer(answer, `an upload to ${image}`);
}

/** The list is read and written again, by one at a time. What stands in it stays, whoever has put it there. */
export async function addToList(http: RegistryHttp, request: Listing, added: readonly Descriptor[]): Promise<void> {
  const { image, subject, locked, fence, signal } = request;
  const tag = referrersTag(subject.digest);
  await locked(`${http.host}/${image}:${tag}`, signal, async () => {
    const list = await getManifest(http, image, tag, signal);
    if (list !== null && list.mediaType !== indexType)
      throw new AppError("internal", `tag ${image}:${tag} is not a list of referrers, and is left as it is; remove it`);
    const before = list === null ? [] : descriptorsOf(parseManifest(list.bytes));
    const missing = added.filter(({ digest }) => !before.some((one) => one.digest === digest));
    if (missing.length === 0) return;
    await fence();
    await putList(http, request, [...before, ...missing]).catch(async (refusal: unknown) => {
      // A registry does not take a list that names what was removed from it meanwhile.
      if (!(refusal instanceof AppError) || refusal.code !== "internal") throw refusal;
      const rest = await stillThere(http, request, before);
      if (rest.length === before.length) throw refusal;
      await putList(http, request, [...rest, ...missing]);
    });
  });
}

async function putList(
  http: RegistryHttp,
  { image, subject, signal }: Listing,
  manifests: readonly Descriptor[],
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }));
  await putManifest(http, image, referrersTag(subject.digest), { mediaType: indexType, bytes }, signal);
}

async function stillThere(
  http: RegistryHttp,
  { image, signal }: Listing,
  listed: readonly Descriptor[],
): Promise<Descriptor[]> {
  const rest: Descriptor[] = [];
  for (const one of listed) if ((await getManifest(http, image, one.digest, signal)) !== null) rest.push(one);
  return rest;
}
