// Runs git by simple-git: with an environment of its own, and every failure seen.

import path from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";

/** For a command that speaks to a remote. */
export interface RemoteCommand {
  /** How the remote is entered; the names of git's own variables. */
  readonly env: Readonly<Record<string, string>>;
}

/** What git is told wherever it runs; `folder` has its HOME. */
export function gitEnvironment(folder: string): Record<string, string> {
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: path.join(folder, "home"),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
  };
}

/** A shell that holds git to the largest file that it may write: written once, its text is fixed. */
export function limiterFile(folder: string): string {
  return path.join(folder, "home", "git-limited");
}

/** POSIX counts a file's size in blocks of 512 bytes here. */
export function limiterText(fileBytesMax: number): string {
  return `ulimit -f ${Math.ceil(fileBytesMax / 512)}\nexec git "$@"\n`;
}

/** simple-git waits 50 ms for a command that prints nothing: on the way of every build they are all made to print. */
export function gitIn(folder: string, baseDir: string, signal: AbortSignal, remote?: RemoteCommand): SimpleGit {
  const env = { ...gitEnvironment(folder), ...remote?.env };
  const options = {
    ...{ baseDir, abort: signal, errors: failedWhenNotZero },
    allowEnvironment: Object.keys(env).filter((name) => name.startsWith("GIT_")),
  };
  if (remote === undefined) return simpleGit(options).env(env);
  const unsafe = { allowUnsafeCustomBinary: true, allowUnsafeConfigEnvCount: true, allowUnsafeSshCommand: true };
  return simpleGit({ ...options, binary: ["/bin/sh", limiterFile(folder)], unsafe }).env(env);
}

/** simple-git takes an exit code other than 0 for a success when stderr is empty, as `merge-base --is-ancestor` leaves it. */
function failedWhenNotZero(
  error: Buffer | Error | undefined,
  { exitCode, stdErr }: { readonly exitCode: number; readonly stdErr: readonly Buffer[] },
): Buffer | Error | undefined {
  if (error !== undefined || exitCode === 0) return error;
  return stdErr.length > 0 ? Buffer.concat(stdErr) : Buffer.from(`git ended with ${exitCode}`);
}

/** Waits for both, whatever becomes of one of them: nothing runs on after a failure. */
export async function both<A, B>(one: Promise<A>, other: Promise<B> | null): Promise<[A, B | null]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}
