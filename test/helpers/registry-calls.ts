// The lab's registry asked by its API alone: what it holds, and manifests put as they are.

import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import type { Lab } from "./lab.ts";

export interface RegistryAnswer {
  readonly status: number;
  readonly digest: string;
  readonly text: string;
}

/** A manifest, put as it is. */
export interface ManifestBody {
  readonly mediaType: string;
  readonly text: string;
}

export async function callRegistry(
  lab: Lab,
  method: "GET" | "HEAD" | "PUT" | "DELETE",
  path: string,
  body?: ManifestBody,
): Promise<RegistryAnswer> {
  const dispatcher = new Agent({ connect: { ca: await readFile(lab.registry.caFile, "utf8") } });
  const authorization = `Basic ${Buffer.from(`${lab.account.username}:${lab.account.password}`).toString("base64")}`;
  const accept =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.v2+json";
  const headers = { authorization, accept, ...(body && { "content-type": body.mediaType }) };
  try {
    const options = { method, dispatcher, headers, ...(body && { body: body.text }) };
    const answer = await request(`${lab.registry.apiUrl}/v2/${path}`, options);
    const digest = String(answer.headers["docker-content-digest"] ?? "");
    return { status: answer.statusCode, digest, text: await answer.body.text() };
  } finally {
    await dispatcher.destroy();
  }
}

/** Tag by tag, sorted, with the digest that it names. */
export async function registryTags(lab: Lab, image: string): Promise<Record<string, string>> {
  const list = await callRegistry(lab, "GET", `${image}/tags/list`);
  const { tags } = JSON.parse(list.text) as { tags?: string[] | null };
  const named = (tags ?? []).sort().map(async (tag) => {
    return [tag, (await callRegistry(lab, "HEAD", `${image}/manifests/${tag}`)).digest] as const;
  });
  return Object.fromEntries(await Promise.all(named));
}

/** Takes away all manifests that have a tag. */
export async function emptyRegistry(lab: Lab, image: string): Promise<void> {
  for (const digest of new Set(Object.values(await registryTags(lab, image))))
    await callRegistry(lab, "DELETE", `${image}/manifests/${digest}`);
}
