// What .dockerignore leaves of a context, and how a file that a commit brought is read.

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import path from "node:path";
import dockerignore from "@balena/dockerignore";
import { AppError } from "../core/errors.ts";

const ignoreFileBytesMax = 64 * 1024;
const wildcardsMax = 4;

export interface IgnoreFile {
  /** Its path in the folder; null where there is none. */
  readonly name: string | null;
  /** What it says of a file. */
  readonly isIgnored: (file: string) => boolean;
}

/** `<Dockerfile>.dockerignore` goes before `.dockerignore`, as with BuildKit. `dockerfile`: normalised. */
export async function readIgnoreFile(root: string, dockerfile: string): Promise<IgnoreFile> {
  for (const name of [`${dockerfile}.dockerignore`, ".dockerignore"]) {
    const text = await readRegularFile(path.join(root, name), ignoreFileBytesMax);
    if (text === "unusable")
      throw new AppError("invalid", `${name} has to be a regular file of at most ${ignoreFileBytesMax} bytes`);
    if (text !== null) return { name, isIgnored: toFilter(name, text.toString("utf8")) };
  }
  return { name: null, isIgnored: () => false };
}

/** Opened without following a link and read up to a limit: the commit may say that it is /dev/zero. Null when there is none. */
export async function readRegularFile(file: string, bytesMax: number): Promise<Buffer | "unusable" | null> {
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(toReason);
  if (handle === null || handle === "unusable") return handle;
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= bytesMax ? await handle.readFile() : "unusable";
  } finally {
    await handle.close();
  }
}

/** The library makes regular expressions of the patterns: many wildcards in one name could keep it busy for ever. */
function toFilter(name: string, text: string): (file: string) => boolean {
  const tooWild = text
    .split("\n")
    .find((line) => line.split("/").some((name) => name.split("*").length - 1 > wildcardsMax));
  if (tooWild !== undefined)
    throw new AppError("invalid", `${name}: "${tooWild}" has more than ${wildcardsMax} * in one name`);
  try {
    const ignore = dockerignore.default({ ignorecase: false }).add(text);
    // The patterns are compiled when they are first used.
    ignore.ignores("Dockerfile");
    return (file) => ignore.ignores(file);
  } catch (cause) {
    throw new AppError("invalid", `${name} cannot be read: ${String(cause)}`, { cause });
  }
}

function toReason(cause: NodeJS.ErrnoException): "unusable" | null {
  if (cause.code === "ENOENT") return null;
  if (cause.code === "ELOOP") return "unusable";
  throw cause;
}
