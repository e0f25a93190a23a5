// The `mergedock` command as a process of its own, with no more of an environment than it is given.

import { execFile } from "node:child_process";
import { join } from "node:path";
import { root } from "./folders.ts";

export interface CommandEnd {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** Where it runs. */
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function runCommand(args: readonly string[], { folder, env = {} }: CommandOptions): Promise<CommandEnd> {
  const { promise, resolve } = Promise.withResolvers<CommandEnd>();
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...env } };
  execFile(process.execPath, [join(root, "ci-server/main.ts"), ...args], options, (error, stdout, stderr) => {
    resolve({ code: typeof error?.code === "number" ? error.code : error === null ? 0 : -1, stdout, stderr });
  });
  return promise;
}
