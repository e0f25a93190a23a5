// What a layer of a stand-in is, and how its tar is made.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../helpers/folders.ts";

export type Layer = {
  readonly name: string;
  /** Everything on which the content depends, the recipe included: while it is the same, the layer is used again. */
  inputs(): Promise<readonly string[]>;
  /** Makes the layer's tar; may use the empty folder `work`. */
  make(options: { readonly work: string; readonly file: string }): Promise<void>;
};

export const run = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;

/** `name` is relative to the root of the repository. */
export function readFromRoot(name: string): Promise<string> {
  return readFile(join(root, name), "utf8");
}

/** Packs a folder as root's own, readable for all. */
export async function packLayer(folder: string, file: string): Promise<void> {
  const same = ["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go+rX,go-w"];
  await runQuietly("tar", ["--create", "--file", file, ...same, "--directory", folder, "."]);
}

/** Throws with what the program said when it fails. */
export async function runQuietly(program: string, args: readonly string[]): Promise<void> {
  await run(program, args, { maxBuffer: outputBytesMax }).catch((error: Error & { stderr?: string }) => {
    // npm names the cause first, mmdebstrap last.
    const said = error.stderr?.trim().replace(/(?<=^.{2000}).*(?=.{2000}$)/s, "\n[...]\n");
    throw new Error(`${program} ${args[0]} failed:\n${said}`, { cause: error });
  });
}
