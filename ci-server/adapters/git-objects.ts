// Reads what a commit holds from git's objects: what lies in the worktree may be a link to anywhere.

import path from "node:path";
import type { SimpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";

export interface FileRequest {
  readonly sha: string;
  /** Relative to the repository's root. */
  readonly path: string;
  readonly bytesMax: number;
}

const modes: Readonly<Record<string, string>> = {
  "040000": "a folder",
  "120000": "a link",
  "160000": "a submodule",
};

/** Null when the commit has no such file; a link on the way to it is not followed. Throws `invalid`. */
export async function readFile(
  git: SimpleGit,
  { sha, path: asked, bytesMax }: FileRequest,
): Promise<Uint8Array | null> {
  const name = path.posix.normalize(asked);
  if (name === "." || /^(?:\.\.)?\/|^\.\.$|\0/.test(name) || name.endsWith("/"))
    throw new AppError("invalid", `${JSON.stringify(asked)} is not a file's path within the repository`);
  if (!(await exists(git, `${sha}:${name}`))) return null;
  const listed = await git.raw(["ls-tree", "-l", "-z", sha, "--", name]);
  const [, mode = "", object = "", size = "", found] =
    /^(\d{6}) \w+ ([0-9a-f]+) +(\d+|-)\t([^\0]*)\0$/.exec(listed) ?? [];
  if (found !== name) throw new AppError("invalid", `${name} cannot be read from this commit`);
  if (!mode.startsWith("100"))
    throw new AppError("invalid", `${name} is ${modes[mode] ?? "no file"}; it has to be a regular file`);
  if (Number(size) > bytesMax)
    throw new AppError("invalid", `${name} has ${size} bytes; it may have ${bytesMax} at most`);
  return git.binaryCatFile(["blob", object]);
}

/** A command that prints nothing takes simple-git 50 ms: this one says on stderr what there is not. */
async function exists(git: SimpleGit, object: string): Promise<boolean> {
  try {
    await git.raw(["cat-file", "-t", object]);
    return true;
  } catch (cause) {
    if (/does not exist in|exists on disk, but not in/.test(String(cause))) return false;
    throw cause;
  }
}
