// Pulls an image back by its digest and runs it: every byte is verified, against the CA and against the digest.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type Docker from "dockerode";
import { Agent, request } from "undici";
import type { DemoRegistry } from "./registry.ts";

const manifestTypes =
  "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json";

export interface PullRequest {
  readonly docker: Docker;
  readonly registry: DemoRegistry;
  /** `host/name@sha256:…` */
  readonly reference: string;
}

/**
 * What the container printed. The engine pulls by digest; on loopback addresses it verifies no certificate, so the
 * manifest is also fetched here over verified TLS, and the engine has to hold exactly the image that it names.
 */
export async function pullAndRun({ docker, registry, reference }: PullRequest): Promise<string> {
  const password = (await readFile(registry.passwordFile, "utf8")).trim();
  const imageId = await verifiedImageId(registry, password, reference);
  const authconfig = { username: registry.username, password, serveraddress: registry.host };
  // A second pull fetches nothing: remove what the build has left, so that the bytes come from the registry.
  await removeImage(docker, imageId);
  await readPull(await docker.pull(reference, { authconfig }));
  const pulled = (await docker.getImage(reference).inspect()).Id;
  if (pulled !== imageId && pulled !== reference.split("@")[1])
    throw new Error(`the engine pulled ${pulled}, but the registry's manifest names ${imageId}`);
  try {
    return await run(docker, reference);
  } finally {
    await removeImage(docker, pulled);
  }
}

/** The digest of the image's configuration, from a manifest whose own digest was recomputed. */
async function verifiedImageId(registry: DemoRegistry, password: string, reference: string): Promise<string> {
  const [name = "", digest = ""] = reference.slice(registry.host.length + 1).split("@");
  const dispatcher = new Agent({ connect: { ca: await readFile(registry.caFile, "utf8") } });
  try {
    const authorization = `Basic ${Buffer.from(`${registry.username}:${password}`).toString("base64")}`;
    const headers = { authorization, accept: manifestTypes };
    const response = await request(`${registry.apiUrl}/v2/${name}/manifests/${digest}`, { dispatcher, headers });
    const bytes = Buffer.from(await response.body.arrayBuffer());
    const computed = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    if (response.statusCode !== 200 || computed !== digest)
      throw new Error(`the registry answered ${response.statusCode} for ${reference} with bytes of ${computed}`);
    return (JSON.parse(bytes.toString("utf8")) as { config: { digest: string } }).config.digest; // its digest says that it is a manifest
  } finally {
    await dispatcher.close();
  }
}

/** The engine reports a failed pull in a line of its stream. */
async function readPull(stream: NodeJS.ReadableStream): Promise<void> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  const failed = text.split("\n").find((line) => line.includes('"errorDetail"'));
  if (failed !== undefined) throw new Error(`the pull failed: ${failed}`);
}

async function run(docker: Docker, reference: string): Promise<string> {
  const HostConfig = {
    NetworkMode: "none",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    SecurityOpt: ["no-new-privileges"],
  };
  const container = await docker.createContainer({
    Image: reference,
    Tty: true,
    Labels: { "dev.mergedock.demo": "run" },
    HostConfig,
  });
  try {
    await container.start();
    await container.wait();
    // With a terminal the log has no frames, and its lines end in \r\n.
    return (await container.logs({ stdout: true, stderr: true })).toString("utf8").replaceAll("\r\n", "\n");
  } finally {
    await container.remove({ force: true });
  }
}

async function removeImage(docker: Docker, id: string): Promise<void> {
  await docker
    .getImage(id)
    .remove({ force: true })
    .catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 404) throw error;
    });
}
