// Secrets in the state folder: made once at random, 0600 from the first byte, read back afterwards.

import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";

/** The secret in `file`; when there is none, 32 random bytes in hex are put there first. Safe when two processes start at once. */
export async function readOrMakeSecret(file: string): Promise<string> {
  const found = await readSecret(file);
  if (found !== null) return found;
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.${randomBytes(4).toString("hex")}`;
  await writeFile(draft, `${randomBytes(32).toString("hex")}\n`, { mode: 0o600, flag: "wx" });
  // A link never replaces: whoever comes second reads what the first one made.
  await link(draft, file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EEXIST") throw cause;
  });
  await rm(draft);
  return (await readFile(file, "utf8")).trim();
}

async function readSecret(file: string): Promise<string | null> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null; // fs rejects with ErrnoException
    throw cause;
  }
}
