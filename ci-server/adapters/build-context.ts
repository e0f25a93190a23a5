// Packs the context of a recipe as an uncompressed tar stream: what .dockerignore leaves of the folder, with the same bytes
// for the same commit wherever it is packed (root's files, modes 644 and 755, the commit's time).

import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { PassThrough, pipeline, type Readable } from "node:stream";
import dockerignore from "@balena/dockerignore";
import { pack } from "tar-fs";
import { AppError } from "../core/errors.ts";

const ignoreFileBytesMax = 64 * 1024;
const wildcardsMax = 4;

export interface ContextRequest {
  /** The checkout. */
  readonly folder: string;
  /** Relative to the checkout. */
  readonly context: string;
  /** Relative to the context. */
  readonly dockerfile: string;
  readonly mtime: Date;
}

/** Throws `invalid` when the context is not a folder of the checkout or has no such Dockerfile. */
export async function packContext(request: ContextRequest): Promise<Readable> {
  const root = await insideCheckout(request.folder, request.context);
  const dockerfile = path.posix.normalize(request.dockerfile);
  const files = await listFiles(root);
  if (!files.includes(dockerfile)) {
    throw new AppError(
      "invalid",
      `there is no ${dockerfile} in ${request.context} of this commit; check "dockerfile" and "context"`,
    );
  }
  await checkDockerfile(root, dockerfile);
  const ignored = await readIgnoreFile(root);
  const isSent = (file: string) => file === dockerfile || file === ".dockerignore" || !ignored(file);
  const entries = files.filter(isSent);
  // tar-stream's streams are not node:stream's; an error of one ends the other, and the reader sees it.
  return pipeline(
    pack(root, { entries, map: (header) => normalise(header, request.mtime) }),
    new PassThrough(),
    () => {},
  );
}

/** The folder with all links resolved: a link that leads out of the checkout is refused. */
async function insideCheckout(folder: string, context: string): Promise<string> {
  const checkout = await realpath(folder);
  const root = await realpath(path.join(checkout, context)).catch((cause: unknown) => {
    throw new AppError("invalid", `there is no folder ${context} in this commit; check "context" in mergedock.yml`, {
      cause,
    });
  });
  const isInside = root === checkout || root.startsWith(checkout + path.sep);
  if (!isInside) throw new AppError("invalid", `context ${context} leads out of the repository; it is not built`);
  if (!(await stat(root)).isDirectory())
    throw new AppError("invalid", `${context} is not a folder; check "context" in mergedock.yml`);
  return root;
}

/** Every file and link below root, relative, without following links; `.git` at the top is git's and not the commit's. */
async function listFiles(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const unreadable = entries.find(({ name }) => name.includes("\ufffd"));
  if (unreadable !== undefined)
    throw new AppError(
      "invalid",
      `the name of the file "${unreadable.name}" is not UTF-8; it cannot be sent to the engine`,
    );
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .filter((file) => file !== ".git" && !file.startsWith(".git/"))
    .sort();
}

/** The engine would look for the target of a link in its own copy of the context, and others on this machine: it has to be here. */
async function checkDockerfile(root: string, dockerfile: string): Promise<void> {
  const target = await realpath(path.join(root, dockerfile)).catch(() => null);
  const isInside = target?.startsWith(root + path.sep) === true;
  if (isInside && (await stat(target)).isFile()) return;
  throw new AppError("invalid", `${dockerfile} has to be a regular file of the context, or a link to one`);
}

/** Opened without following a link and read up to a limit: the commit may say that it is /dev/zero. */
async function readIgnoreFile(root: string): Promise<(file: string) => boolean> {
  const handle = await open(path.join(root, ".dockerignore"), constants.O_RDONLY | constants.O_NOFOLLOW).catch(
    ignoreMissing,
  );
  if (handle === null) return () => false;
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > ignoreFileBytesMax) throw unusable();
    return toFilter((await handle.readFile()).toString("utf8"));
  } finally {
    await handle.close();
  }
}

/** The library makes regular expressions of the patterns: many wildcards in one name could keep it busy for ever. */
function toFilter(text: string): (file: string) => boolean {
  const tooWild = text
    .split("\n")
    .find((line) => line.split("/").some((name) => name.split("*").length - 1 > wildcardsMax));
  if (tooWild !== undefined)
    throw new AppError("invalid", `.dockerignore: "${tooWild}" has more than ${wildcardsMax} * in one name`);
  try {
    const ignore = dockerignore.default().add(text);
    // The patterns are compiled when they are first used.
    ignore.ignores("Dockerfile");
    return (file) => ignore.ignores(file);
  } catch (cause) {
    throw new AppError("invalid", `.dockerignore cannot be read: ${String(cause)}`, { cause });
  }
}

function ignoreMissing(cause: NodeJS.ErrnoException): null {
  if (cause.code === "ENOENT") return null;
  throw cause.code === "ELOOP" ? unusable() : cause;
}

function unusable(): AppError {
  return new AppError("invalid", `.dockerignore has to be a regular file of at most ${ignoreFileBytesMax} bytes`);
}

type Header = Parameters<NonNullable<NonNullable<Parameters<typeof pack>[1]>["map"]>>[0];

function normalise(header: Header, mtime: Date): Header {
  const isExecutable = ((header.mode ?? 0) & 0o100) !== 0;
  return { ...header, uid: 0, gid: 0, mtime, mode: isExecutable ? 0o755 : 0o644 };
}
