// Archives of the tests: one commit of a repository as `git archive` makes it, and any files and links that a test thinks of.

import { spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { type Header, pack } from "tar-stream";

export function archive(folder: string, revision: string): Readable {
  return spawn("git", ["archive", "--format=tar", revision], { cwd: folder, stdio: ["ignore", "pipe", "inherit"] })
    .stdout;
}

/** By their names: a file's content, or what else an entry may be. */
export type Files = readonly (readonly [name: string, what: string | Buffer | Partial<Header>])[];

/** Nothing about the names is checked. */
export async function tarOf(files: Files): Promise<Buffer> {
  const packing = pack();
  for (const [name, what] of files)
    if (typeof what === "string" || Buffer.isBuffer(what)) packing.entry({ name }, what);
    else packing.entry({ name, ...what });
  packing.finalize();
  return buffer(packing as unknown as AsyncIterable<Buffer>); // streamx's Readable is one
}
