// Puts the files of LFS in the place of their pointers. The objects are kept in the mirror, and linked into the worktree.

import { constants } from "node:fs";
import { chmod, copyFile, link, lstat, open, readdir, realpath, rm, stat, unlink } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { CheckoutRequest } from "../core/ports.ts";
import { entryTo } from "./git-access.ts";
import type { Place } from "./git-remote.ts";
import { gitRecords } from "./git-stream.ts";
import type { Part } from "./git-submodules.ts";
import { checkBytes, type Tally, type TreeLimits } from "./git-tree.ts";
import { downloadObjects, type LfsObject } from "./lfs-client.ts";

/** docs/spec.md of git-lfs. One with extensions is none that could be undone here. */
const pointerPattern =
  /^version https:\/\/git-lfs\.github\.com\/spec\/v1\r?\noid sha256:([0-9a-f]{64})\r?\nsize (\d{1,15})\r?\n?$/;

interface Pointer extends LfsObject {
  /** In the worktree, absolute. */
  readonly file: string;
  readonly isExecutable: boolean;
}

export interface LfsRequest {
  readonly place: Place;
  readonly request: CheckoutRequest;
  readonly hosts: readonly string[];
  /** As git has laid it out. */
  readonly worktree: string;
  readonly parts: readonly Part[];
  readonly tally: Tally;
  readonly limits: TreeLimits;
}

/** Throws `forbidden` for a host that is not allowed, `too_large`, and what the LFS of a host answers. */
export async function layOutLfs(step: LfsRequest): Promise<void> {
  const { place, request, tally, limits } = step;
  const found = new Map<Part, readonly Pointer[]>();
  for (const part of step.parts) found.set(part, await readPointers(step, part));
  const all = [...found.values()].flat();
  tally.bytes += all.reduce((sum, { size }) => sum + size, 0);
  checkBytes(tally, limits, `the files of ${request.repository.name} with those of LFS`);
  const store = path.join(place.mirror, "lfs/objects");
  const fileOf = ({ oid }: LfsObject) => path.join(store, oid.slice(0, 2), oid.slice(2, 4), oid);
  let downloaded = 0;
  for (const [part, pointers] of found) downloaded += await fetchMissing(step, part, pointers, fileOf);
  for (const pointer of all) await put(pointer, fileOf(pointer));
  if (all.length > 0) request.log(`${all.length} files of LFS, ${downloaded} objects of them downloaded`);
  if (downloaded > 0) await bound(store, limits.repositoryBytesMax, new Set(all.map(({ oid }) => oid)));
}

/** Those that .gitattributes gives to LFS, of the files that are small enough. */
async function readPointers({ place, request, worktree }: LfsRequest, part: Part): Promise<Pointer[]> {
  const input = part.tree.small.map((file) => `${part.prefix}${file}\0`).join("");
  const args = ["check-attr", "-z", "--stdin", "filter"];
  const root = await realpath(worktree);
  const pointers: Pointer[] = [];
  const fields: string[] = [];
  for await (const field of gitRecords({ ...place, cwd: worktree, args, input, signal: request.signal })) {
    if (fields.push(field) < 3) continue;
    const [file = "", , value] = fields.splice(0);
    const pointer = value === "lfs" ? await readPointer(root, file) : null;
    if (pointer !== null) pointers.push(pointer);
  }
  return pointers;
}

/** Null for a file that is not a pointer: it is what it is. */
async function readPointer(root: string, name: string): Promise<Pointer | null> {
  const file = path.join(root, name);
  // git makes folders of folders: a link on the way would be somebody else's.
  const folder = path.dirname(file);
  if ((await realpath(folder)) !== folder)
    throw new AppError("internal", `${name} does not lie in the worktree itself`);
  const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const stats = await handle.stat();
    const match = stats.isFile() && stats.size < 2_048 ? pointerPattern.exec(await handle.readFile("utf8")) : null;
    if (match === null) return null;
    return { file, oid: match[1] ?? "", size: Number(match[2]), isExecutable: (stats.mode & 0o100) !== 0 };
  } finally {
    await handle.close();
  }
}

async function fetchMissing(
  { place, request, hosts }: LfsRequest,
  part: Part,
  pointers: readonly Pointer[],
  fileOf: (object: LfsObject) => string,
): Promise<number> {
  const missing = new Map<string, LfsObject>();
  for (const { oid, size, file: _file } of pointers) {
    const isThere = await stat(fileOf({ oid, size })).then(
      (stats) => stats.size === size,
      () => false,
    );
    if (!isThere) missing.set(oid, { oid, size });
  }
  if (missing.size === 0) return 0;
  const { repository, signal } = request;
  const { url } = part;
  const entry = await entryTo({ repository, url, tokens: place.tokens, signal });
  place.noteSecrets(entry.secrets);
  const late = AbortSignal.timeout(place.fetchMsMax);
  const remote = { url, authorization: entry.authorization, hosts, signal: AbortSignal.any([signal, late]) };
  await downloadObjects(remote, [...missing.values()], fileOf).catch((cause: unknown) => {
    signal.throwIfAborted();
    if (!late.aborted) throw cause;
    const message = `the files of LFS of ${url} did not come within ${place.fetchMsMax / 1000} s; limits.git_seconds_max allows no more`;
    throw new AppError("timeout", message);
  });
  return missing.size;
}

/** A link costs nothing, and git writes a new file when the next commit needs another content. */
async function put({ file, isExecutable }: Pointer, object: string): Promise<void> {
  await unlink(file);
  if (!isExecutable) return link(object, file);
  await copyFile(object, file, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(file, 0o755);
}

/** Keeps what this commit needs; all else goes when it is too much. */
async function bound(store: string, bytesMax: number, needed: ReadonlySet<string>): Promise<void> {
  const entries = (await readdir(store, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  const files = await Promise.all(
    entries.map(async ({ name, parentPath }) => {
      const file = path.join(parentPath, name);
      return { name, file, bytes: (await lstat(file)).size };
    }),
  );
  if (files.reduce((sum, { bytes }) => sum + bytes, 0) <= bytesMax) return;
  for (const { name, file } of files) if (!needed.has(name)) await rm(file, { force: true });
}
