// The command line as a process of its own, as a person or a script runs it.

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "./folders.ts";

export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandPlace {
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
}

export const mainFile = join(root, "ci-server/main.ts");

export function startMergedock(
  args: readonly string[],
  { folder, env = {} }: CommandPlace,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [mainFile, ...args], { cwd: folder, env: { PATH: process.env.PATH, ...env } });
}

export async function runMergedock(args: readonly string[], place: CommandPlace): Promise<CommandEnd> {
  const child = startMergedock(args, place);
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text) => {
    output.stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text) => {
    output.stderr += text;
  });
  const [code] = (await once(child, "close")) as [number | null]; // of the event "close"
  return { code, ...output };
}
