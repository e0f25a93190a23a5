// Reads a recipe's Dockerfile, to say which of its lines a failure is about.

import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import path from "node:path";

const bytesMax = 1024 * 1024;

export interface DockerfilePlace {
  /** The checkout. */
  readonly folder: string;
  /** Relative to the checkout. */
  readonly context: string;
  /** Relative to the context. */
  readonly dockerfile: string;
}

/** Null when it cannot be read as a regular file inside the checkout: the failure is told without it. */
export async function readDockerfile({ folder, context, dockerfile }: DockerfilePlace): Promise<string | null> {
  try {
    const checkout = await realpath(folder);
    const parent = await realpath(path.join(checkout, context, path.dirname(dockerfile)));
    if (parent !== checkout && !parent.startsWith(checkout + path.sep)) return null;
    const file = path.join(parent, path.basename(dockerfile));
    // Neither a link nor what would keep the reader waiting, as a pipe.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = await handle.stat();
      return stats.isFile() && stats.size <= bytesMax ? await handle.readFile("utf8") : null;
    } finally {
      await handle.close();
    }
  } catch {
    return null;
  }
}
