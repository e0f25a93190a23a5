// Reads the secrets of a repository from their files at the moment that a build needs them: one that was changed counts at once.

import { open } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import type { Repository } from "../core/recipe.ts";

/** BuildKit takes no larger one. */
const bytesMax = 500 * 1024;

/** Byte by byte as they stand in the files. Throws `invalid` for a name that the repository does not have, and for a file that cannot be read. */
export async function readSecretFiles(
  { name: repository, secrets }: Pick<Repository, "name" | "secrets">,
  names: readonly string[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  for (const name of names) {
    const file = Object.hasOwn(secrets, name) ? secrets[name] : undefined;
    if (file === undefined) {
      const help = `give its file under "secrets" of ${repository} in mergedock.yml`;
      throw new AppError("invalid", `${repository} has no secret ${name}; ${help}`);
    }
    values.set(name, await readFile(name, file));
  }
  return values;
}

async function readFile(name: string, file: string): Promise<Uint8Array> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new AppError("invalid", `the file of the secret ${name}, ${file}, cannot be read (${cause.code})`, { cause });
  });
  try {
    const stats = await handle.stat();
    if (stats.isFile() && stats.size <= bytesMax) return await handle.readFile();
    throw new AppError("invalid", `the secret ${name}: ${file} has to be a file of at most ${bytesMax} bytes`);
  } finally {
    await handle.close();
  }
}
