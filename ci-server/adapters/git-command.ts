// Runs git by simple-git: with an environment of its own, and every failure seen.

import path from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";

/** simple-git waits 50 ms for a command that prints nothing: on the way of every build they are all made to print. */
export function gitIn(folder: string, baseDir: string, signal: AbortSignal): SimpleGit {
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: path.join(folder, "home"),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
  };
  const allowEnvironment = ["GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"];
  return simpleGit({ baseDir, abort: signal, allowEnvironment, errors: failedWhenNotZero }).env(env);
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
