// Puts an image without layers into the lab's registry, by its API alone.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { Lab } from "./lab.ts";

/** As OCI writes them and as Docker does. */
const types = {
  oci: {
    manifest: "application/vnd.oci.image.manifest.v1+json",
    config: "application/vnd.oci.image.config.v1+json",
    list: "application/vnd.oci.image.index.v1+json",
  },
  docker: {
    manifest: "application/vnd.docker.distribution.manifest.v2+json",
    config: "application/vnd.docker.container.image.v1+json",
    list: "application/vnd.docker.distribution.manifest.list.v2+json",
  },
} as const;

/** Returns the manifest's digest; another `tag` gives another manifest of OCI's type. Docker's has no annotations. */
export async function pushTinyImage(
  lab: Lab,
  image: string,
  tag: string,
  kind: keyof typeof types = "oci",
  configText = "{}",
): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: await readFile(lab.registry.caFile, "utf8") } });
  const authorization = `Basic ${Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64")}`;
  const base = `${lab.registry.apiUrl}/v2/${image}`;
  const config = `sha256:${createHash("sha256").update(configText).digest("hex")}`;
  const mediaType = types[kind].manifest;
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: types[kind].config, digest: config, size: configText.length },
    layers: [],
    ...(kind === "oci" && { annotations: { tag } }),
  });
  try {
    const started = await request(`${base}/blobs/uploads/`, { method: "POST", dispatcher, headers: { authorization } });
    const upload = new URL(String(started.headers.location), base);
    upload.searchParams.set("digest", config);
    const blob = { "content-type": "application/octet-stream", authorization };
    await request(upload, { method: "PUT", dispatcher, headers: blob, body: configText });
    return await put({ dispatcher, authorization, url: `${base}/manifests/${tag}` }, mediaType, manifest);
  } finally {
    await dispatcher.destroy();
  }
}

/** A list of one manifest, or of none; returns its digest. */
export async function pushTinyList(
  lab: Lab,
  { image, tag, kind }: { readonly image: string; readonly tag: string; readonly kind: keyof typeof types },
  manifest: { readonly digest: string; readonly bytes: number },
): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: await readFile(lab.registry.caFile, "utf8") } });
  const authorization = `Basic ${Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64")}`;
  const mediaType = types[kind].list;
  const platform = { architecture: "amd64", os: "linux" };
  const manifests = [{ mediaType: types[kind].manifest, digest: manifest.digest, size: manifest.bytes, platform }];
  const url = `${lab.registry.apiUrl}/v2/${image}/manifests/${tag}`;
  try {
    const list = JSON.stringify({ schemaVersion: 2, mediaType, manifests });
    return await put({ dispatcher, authorization, url }, mediaType, list);
  } finally {
    await dispatcher.destroy();
  }
}

interface Target {
  readonly dispatcher: Agent;
  readonly authorization: string;
  readonly url: string;
}

async function put({ dispatcher, authorization, url }: Target, type: string, body: string): Promise<string> {
  const headers = { "content-type": type, authorization };
  const answer = await request(url, { method: "PUT", dispatcher, headers, body });
  if (answer.statusCode !== 201)
    throw new Error(`the registry answered ${answer.statusCode}: ${await answer.body.text()}`);
  return `sha256:${createHash("sha256").update(body).digest("hex")}`;
}
