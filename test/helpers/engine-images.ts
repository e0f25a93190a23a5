// Images on the lab's engine: run one to see what it prints, and remove those that a test has made.

import { buffer } from "node:stream/consumers";
import type { Lab } from "./lab.ts";

/** What the image's command prints; with `pull` the image is first fetched from the lab's registry. */
export async function runImage(lab: Lab, reference: string, { pull = false } = {}): Promise<string> {
  if (pull) await pullImage(lab, reference);
  const container = await lab.docker.createContainer({ Image: reference, HostConfig: { NetworkMode: "none" } });
  try {
    await container.start();
    await container.wait();
    return stripFrames(await container.logs({ stdout: true, stderr: true }));
  } finally {
    await container.remove({ force: true });
  }
}

/** What `docker save` gives: the layers and all that is said of the image. */
export async function imageBytes(lab: Lab, reference: string): Promise<Buffer> {
  return buffer(await lab.docker.getImage(reference).get());
}

async function pullImage(lab: Lab, reference: string): Promise<void> {
  const { username, password } = lab.account;
  const stream = await lab.docker.pull(reference, {
    authconfig: { username, password, serveraddress: lab.registry.host },
  });
  let error: string | undefined;
  for await (const chunk of stream) error = /"error":"([^"]*)"/.exec(String(chunk))?.[1] ?? error;
  if (error !== undefined) throw new Error(`pulling ${reference}: ${error}`);
}

/** Engine API, "ContainerAttach": each piece has 8 bytes in front, the last four of which are its length. */
function stripFrames(bytes: Buffer): string {
  const parts: Buffer[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    parts.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(parts).toString("utf8");
}

/** All images that bear the registry's name, and those without a name. */
export async function removeImages(lab: Lab): Promise<void> {
  const images = await lab.docker.listImages();
  for (const { Id, RepoTags, RepoDigests } of images) {
    const names = [...(RepoTags ?? []), ...(RepoDigests ?? [])];
    if (names.some((name) => name.startsWith(`${lab.registry.host}/`)))
      await lab.docker.getImage(Id).remove({ force: true });
  }
  await lab.docker.pruneImages();
}
