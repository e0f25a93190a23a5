// Puts an image without layers into the lab's registry, by its API alone.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { Lab } from "./lab.ts";

/** Returns the manifest's digest; another `tag` gives another manifest. */
export async function pushTinyImage(lab: Lab, image: string, tag: string): Promise<string> {
  const dispatcher = new Agent({ connect: { ca: await readFile(lab.registry.caFile, "utf8") } });
  const authorization = `Basic ${Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64")}`;
  const base = `${lab.registry.apiUrl}/v2/${image}`;
  const config = `sha256:${createHash("sha256").update("{}").digest("hex")}`;
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType,
    config: { mediaType: "application/vnd.oci.image.config.v1+json", digest: config, size: 2 },
    layers: [],
    annotations: { tag },
  });
  try {
    const started = await request(`${base}/blobs/uploads/`, { method: "POST", dispatcher, headers: { authorization } });
    const upload = new URL(String(started.headers.location), base);
    upload.searchParams.set("digest", config);
    const blob = { "content-type": "application/octet-stream", authorization };
    await request(upload, { method: "PUT", dispatcher, headers: blob, body: "{}" });
    const headers = { "content-type": mediaType, authorization };
    const put = await request(`${base}/manifests/${tag}`, { method: "PUT", dispatcher, headers, body: manifest });
    if (put.statusCode !== 201) throw new Error(`the registry answered ${put.statusCode}: ${await put.body.text()}`);
    return `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  } finally {
    await dispatcher.destroy();
  }
}
