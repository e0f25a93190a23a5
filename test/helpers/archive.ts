// One commit of a repository as a tar stream, as `git archive` makes it.

import { spawn } from "node:child_process";
import type { Readable } from "node:stream";

export function archive(folder: string, revision: string): Readable {
  return spawn("git", ["archive", "--format=tar", revision], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
    .stdout;
}
