// The server as a process of its own, which can be stopped, killed and frozen.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { root } from "./folders.ts";

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** The exit code, or null when a signal ended it. */
  readonly exit: Promise<number | null>;
  /** The server's report; rejects with its complaint when it ends before it serves. */
  ready(): Promise<string>;
  /** By SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  kill(): Promise<void>;
}

/** Listens on free ports unless `env` says otherwise; `folder` is where it was started, `args` its command line. */
export function startServer(
  folder: string,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = ["serve"],
): ServerProcess {
  const listen = { MERGEDOCK_LISTEN_API: "127.0.0.1:0", MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0" };
  const options = { cwd: folder, env: { PATH: process.env.PATH, ...listen, ...env } };
  const child = spawn(process.execPath, [join(root, "ci-server/main.ts"), ...args], options);
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  const exit = once(child, "close").then(([code]) => code as number | null); // of the event "close"
  return {
    ...{ child, output, exit },
    async ready() {
      // The last line of the report stands there once the server serves.
      while (!output.stdout.includes("\nrepositories")) {
        await Promise.race([once(child.stdout, "data"), exit]);
        if (child.exitCode !== null) throw new Error(`it ended: ${output.stderr}`);
      }
      return output.stdout;
    },
    stop() {
      child.kill("SIGTERM");
      return exit;
    },
    async kill() {
      child.kill("SIGKILL");
      await exit;
    },
  };
}
