// The versions of the programs that this process runs.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
const answerMsMax = 2_000;

/** `2.39.5`; null where there is no git. */
export async function gitVersion(): Promise<string | null> {
  try {
    const { stdout } = await run("git", ["--version"], {
      timeout: answerMsMax,
      env: { LC_ALL: "C", PATH: "/usr/local/bin:/usr/bin:/bin" },
    });
    return /(\d+(?:\.\d+)+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}
