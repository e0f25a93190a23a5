// How much is free on the file systems that builds write to.

import { access, statfs } from "node:fs/promises";
import Docker from "dockerode";
import type { Disk, FreeSpace } from "../core/ports.ts";
import { toDockerOptions } from "./docker-engine.ts";

export interface DiskOptions {
  readonly stateFolder: string;
  readonly engineHost: string;
}

const answerMsMax = 5_000;

export function createDisk({ stateFolder, engineHost }: DiskOptions): Disk {
  const docker = new Docker(toDockerOptions(engineHost));
  // Behind TCP it is most likely another machine's, whose folder of the same name is none of ours.
  const isLocal = engineHost.startsWith("unix:");
  // It stays the same for as long as an engine has images.
  let root: string | null = null;
  return {
    async free(signal) {
      if (isLocal) root ??= await dataRoot(docker, signal);
      const folders = [stateFolder, ...(root !== null && (await isHere(root)) ? [root] : [])];
      return Promise.all(folders.map(freeOf));
    },
  };
}

/** Null where the engine does not answer: a build will say so soon enough. */
async function dataRoot(docker: Docker, signal: AbortSignal): Promise<string | null> {
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  const options = { path: "/info", method: "GET", statusCodes: { 200: true }, abortSignal };
  return new Promise((resolve) => {
    docker.modem.dial(options, (error: unknown, answer: unknown) => {
      resolve(error ? null : ((answer as { DockerRootDir?: string }).DockerRootDir ?? null)); // types.Info of the engine's API
    });
  });
}

/** From inside a container the engine's folder is not seen. */
function isHere(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}

/** What an ordinary user may still write: a reserve of root's does not count. */
async function freeOf(folder: string): Promise<FreeSpace> {
  const { bavail, bsize } = await statfs(folder);
  return { folder, bytes: bavail * bsize };
}
