// Runs git for what simple-git cannot do: to be given input, to be read as it prints and stopped in the middle, to print nothing.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { gitEnvironment } from "./git-command.ts";

const stderrCharsMax = 4_000;
const recordCharsMax = 64 * 1024;
const textCharsMax = 1024 * 1024;

export interface GitStream {
  /** Has git's HOME. */
  readonly folder: string;
  /** A mirror or a worktree. */
  readonly cwd: string;
  /** Names of commits, fixed words and checked paths: nothing that a stranger could make an option of. */
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  readonly input?: string;
  /** An index of its own, in place of the worktree's. */
  readonly index?: string;
}

/** All that git prints. Rejects with what it says on stderr. */
export async function gitText(run: GitStream): Promise<string> {
  let text = "";
  for await (const chunk of gitChunks(run)) {
    text += chunk;
    if (text.length > textCharsMax) throw new Error(`git ${run.args[0]} prints more than ${textCharsMax} characters`);
  }
  return text;
}

/** What git prints, parted at every NUL. Whoever stops reading ends git. */
export async function* gitRecords(run: GitStream): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of gitChunks(run)) {
    const records = (rest + chunk).split("\0");
    rest = records.pop() ?? "";
    if (rest.length > recordCharsMax) throw new Error(`git ${run.args[0]} prints a record that is too long`);
    yield* records;
  }
  if (rest !== "") yield rest;
}

async function* gitChunks({ folder, cwd, args, signal, input = "", index }: GitStream): AsyncGenerator<string> {
  signal.throwIfAborted();
  const env = { ...gitEnvironment(folder), ...(index === undefined ? {} : { GIT_INDEX_FILE: index }) };
  const child = spawn("git", args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
  const closed = once(child, "close");
  // Where git cannot be started it is rejected before anybody waits for it.
  closed.catch(() => undefined);
  const end = () => child.kill("SIGKILL");
  signal.addEventListener("abort", end, { once: true });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-stderrCharsMax);
  });
  // git may end before it has read all of it.
  child.stdin.on("error", () => undefined).end(input);
  try {
    for await (const text of child.stdout.setEncoding("utf8")) yield text;
    const [code] = await closed;
    signal.throwIfAborted();
    if (code !== 0) throw new Error(stderr.trim() || `git ${args[0]} ended with ${code}`);
  } finally {
    signal.removeEventListener("abort", end);
    end();
    await closed.catch(() => undefined);
  }
}
