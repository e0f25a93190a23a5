// Runs git alike on every machine: no configuration of the user or the system, fixed people.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

export type GitOptions = {
  readonly cwd: string;
  readonly input?: string | Uint8Array;
};

const outputBytesMax = 16 * 1024 * 1024;

/** What git wrote, without the last line end. Rejects with git's own message. The author commits, the forge merges. */
export async function git(args: readonly string[], { cwd, input }: GitOptions): Promise<string> {
  const env = {
    PATH: process.env.PATH,
    LC_ALL: "C",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "Ada Author",
    GIT_AUTHOR_EMAIL: "ada@example.com",
    GIT_COMMITTER_NAME: "Sample Forge",
    GIT_COMMITTER_EMAIL: "noreply@example.com",
  };
  const running = promisify(execFile)("git", args, { cwd, env, maxBuffer: outputBytesMax });
  running.child.stdin?.end(input);
  return (await running).stdout.replace(/\n$/, "");
}
