// Base images for tests: one busybox and a text, pushed to the lab's registry and kept on its engine.

import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pack } from "tar-fs";
import type { Lab } from "./lab.ts";

/**
 * `name`: with the registry's host and a tag. Its /base.txt holds the text; an image that bore the name before loses it.
 * `onBuild`: instructions for whatever is built FROM it.
 */
export async function pushBase(lab: Lab, name: string, text: string, onBuild: readonly string[] = []): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "base-"));
  try {
    await mkdir(join(folder, "bin"));
    await cp("/bin/busybox", join(folder, "bin/busybox"));
    for (const tool of ["sh", "cat"]) await symlink("busybox", join(folder, "bin", tool));
    await writeFile(join(folder, "base.txt"), `${text}\n`);
    const [, repo = "", tag = ""] = /^(.*):([^:/]+)$/.exec(name) ?? [];
    const source = pack(folder) as unknown as NodeJS.ReadableStream; // tar-stream's own, which dockerode pipes
    await drain(await lab.docker.importImage(source, { repo, tag, changes: onBuild.map((line) => `ONBUILD ${line}`) }));
    const { username, password } = lab.account;
    const authconfig = { username, password, serveraddress: lab.registry.host };
    await drain(await lab.docker.getImage(name).push({ authconfig }));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The engine reports failures in the stream. */
async function drain(stream: NodeJS.ReadableStream): Promise<void> {
  for await (const chunk of stream) {
    const error = /"error":"([^"]*)"/.exec(String(chunk))?.[1];
    if (error !== undefined) throw new Error(error);
  }
}
