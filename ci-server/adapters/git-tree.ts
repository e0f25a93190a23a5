// Reads what a commit holds before any of it is laid out: how many files of how many bytes, and what is to be fetched elsewhere.

import { failedBuild } from "../core/failure.ts";
import { gitRecords } from "./git-stream.ts";

/** A pointer of LFS is smaller than this (github.com/git-lfs/git-lfs, docs/spec.md). */
const pointerBytesMax = 1024;

export interface TreeLimits {
  readonly repositoryBytesMax: number;
  readonly repositoryFilesMax: number;
}

/** What was counted so far of one checkout; a commit's submodules are added to it. */
export interface Tally {
  bytes: number;
  files: number;
}

export interface Gitlink {
  readonly path: string;
  readonly sha: string;
}

export interface Tree {
  readonly gitlinks: readonly Gitlink[];
  /** Files that may be pointers of LFS, for their size. */
  readonly small: readonly string[];
}

export interface TreeRequest {
  readonly folder: string;
  readonly mirror: string;
  readonly sha: string;
  /** For messages: whose commit it is. */
  readonly name: string;
  readonly tally: Tally;
  readonly limits: TreeLimits;
  readonly signal: AbortSignal;
  /** `small` is kept. */
  readonly isForLfs: boolean;
}

/**
 * Counts the commit's files by what git knows of them: nothing is unpacked, and a listing that is too long is not read to
 * its end. Throws `too_large`.
 */
export async function readTree(request: TreeRequest): Promise<Tree> {
  const { folder, mirror, sha, name, tally, limits, signal, isForLfs } = request;
  const gitlinks: Gitlink[] = [];
  const small: string[] = [];
  const args = ["ls-tree", "-r", "-l", "-z", "--full-tree", sha];
  for await (const record of gitRecords({ folder, cwd: mirror, args, signal })) {
    const tab = record.indexOf("\t");
    const [mode = "", , object = "", size = ""] = record.slice(0, tab).split(/ +/);
    const path = record.slice(tab + 1);
    if (mode === "160000") gitlinks.push({ path, sha: object });
    else tally.bytes += Number(size);
    tally.files += 1;
    if (tally.files > limits.repositoryFilesMax) {
      const message = `${sha} of ${name} has more than ${limits.repositoryFilesMax} files; limits.repository_files_max allows no more`;
      const hint = "let the repository hold fewer files, or raise limits.repository_files_max in mergedock.yml";
      throw failedBuild("too_large", message, { kind: "source", hint });
    }
    if (isForLfs && mode.startsWith("100") && Number(size) < pointerBytesMax) small.push(path);
  }
  checkBytes(tally, limits, `the files of ${sha} of ${name}`);
  return { gitlinks, small };
}

export function checkBytes(tally: Tally, { repositoryBytesMax }: TreeLimits, what: string): void {
  if (tally.bytes <= repositoryBytesMax) return;
  const message = `${what} are ${toMib(tally.bytes)} MiB in all; limits.repository_bytes_max allows ${toMib(repositoryBytesMax)} MiB`;
  const hint = "let the repository hold less, or raise limits.repository_bytes_max in mergedock.yml";
  throw failedBuild("too_large", message, { kind: "source", hint });
}

export function toMib(bytes: number): number {
  return Math.ceil(bytes / 1024 ** 2);
}
