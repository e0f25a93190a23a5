// The context of a recipe: what .dockerignore leaves of the folder. Where the engine does not ask for it file by file, it is
// packed as an uncompressed tar stream, with the same bytes for the same commit (root's files, modes 644 and 755, its time).

import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { PassThrough, pipeline, type Readable } from "node:stream";
import { pack } from "tar-fs";
import { AppError } from "../core/errors.ts";
import { readIgnoreFile } from "./ignore-file.ts";

const dockerfileBytesMax = 1024 * 1024;

export interface ContextRequest {
  /** The checkout. */
  readonly folder: string;
  /** Relative to the checkout. */
  readonly context: string;
  /** Relative to the context. */
  readonly dockerfile: string;
}

export interface OpenContext {
  /** The folder, with all links resolved. */
  readonly root: string;
  /** Files, links and folders below it that .dockerignore leaves, relative; of a folder maybe nothing but itself. */
  readonly files: readonly string[];
  readonly hasLinks: boolean;
  /** The Dockerfile and the ignore file, whatever is ignored; `source`: where each is read. */
  readonly recipeFiles: readonly RecipeFile[];
}

export interface RecipeFile {
  readonly name: string;
  readonly source: string;
}

/** Throws `invalid` when the context is not a folder of the checkout or has no such Dockerfile. */
export async function openContext(request: ContextRequest): Promise<OpenContext> {
  const root = await insideCheckout(request.folder, request.context);
  const name = path.posix.normalize(request.dockerfile);
  const listed = await listFiles(root);
  if (!listed.some(({ file }) => file === name)) throw noDockerfile(request);
  const dockerfile = { name, source: await resolveDockerfile(root, name) };
  const ignore = await readIgnoreFile(root, name);
  const left = listed.filter(({ file }) => !ignore.isIgnored(file));
  return {
    root,
    files: left.map(({ file }) => file),
    hasLinks: left.some(({ isLink }) => isLink),
    recipeFiles: [dockerfile, ...(ignore.name === null ? [] : [{ name: ignore.name, source: ignore.name }])],
  };
}

/** An archive has to hold the Dockerfile and the ignore file too. */
export function packContext({ root, files, recipeFiles }: OpenContext, mtime: Date): Readable {
  // The link's own target is there where it is not ignored; the engine wants a file by this name.
  const names = recipeFiles.flatMap(({ name, source }) => [name, source]);
  const entries = [...new Set([...files, ...names])].sort();
  // tar-stream's streams are not node:stream's; an error of one ends the other, and the reader sees it.
  const packing = pack(root, {
    entries,
    // What is in a folder is an entry of its own.
    ignore: () => true,
    map: (header) => normalise(header, mtime),
  });
  return pipeline(packing, new PassThrough(), () => {});
}

export function noDockerfile({ context, dockerfile }: Pick<ContextRequest, "context" | "dockerfile">): AppError {
  const name = path.posix.normalize(dockerfile);
  return new AppError("invalid", `there is no ${name} in ${context} of this commit; check "dockerfile" and "context"`);
}

/** The text that the engine is sent, for whoever has to find a line in it; null where it is no regular file of usual size. */
export async function readDockerfile({ folder, context, dockerfile }: ContextRequest): Promise<string | null> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW;
  const handle = await open(path.join(folder, context, dockerfile), flags).catch(() => null);
  if (handle === null) return null;
  try {
    const stats = await handle.stat();
    return stats.isFile() && stats.size <= dockerfileBytesMax ? (await handle.readFile()).toString("utf8") : null;
  } finally {
    await handle.close();
  }
}

/** The folder with all links resolved: a link that leads out of the checkout is refused. */
export async function insideCheckout(folder: string, context: string): Promise<string> {
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

/** Every file, link and folder below root, relative, without following links; `.git` at the top is git's and not the commit's. */
async function listFiles(root: string): Promise<{ readonly file: string; readonly isLink: boolean }[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const unreadable = entries.find(({ name }) => name.includes("\ufffd"));
  if (unreadable !== undefined)
    throw new AppError(
      "invalid",
      `the name of the file "${unreadable.name}" is not UTF-8; it cannot be sent to the engine`,
    );
  return entries
    .map((entry) => ({
      file: path.relative(root, path.join(entry.parentPath, entry.name)),
      isLink: entry.isSymbolicLink(),
    }))
    .filter(({ file }) => file !== ".git" && !file.startsWith(".git/"));
}

/** Where it is read. The engine would look for the target of a link in its own copy of the context, and others on this machine: it has to be here. */
async function resolveDockerfile(root: string, dockerfile: string): Promise<string> {
  const target = await realpath(path.join(root, dockerfile)).catch(() => null);
  const isInside = target?.startsWith(root + path.sep) === true;
  if (isInside && (await stat(target)).isFile()) return path.relative(root, target);
  throw new AppError("invalid", `${dockerfile} has to be a regular file of the context, or a link to one`);
}

type Header = Parameters<NonNullable<NonNullable<Parameters<typeof pack>[1]>["map"]>>[0];

function normalise(header: Header, mtime: Date): Header {
  const isExecutable = ((header.mode ?? 0) & 0o100) !== 0;
  return { ...header, uid: 0, gid: 0, mtime, mode: isExecutable ? 0o755 : 0o644 };
}
