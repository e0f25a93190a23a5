// Starts a program that stays, waits until it answers, and ends it for certain.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

export type Service = { readonly pid: number; stop(): Promise<void> };

export type ServiceOptions = {
  readonly command: readonly [string, ...string[]];
  readonly env?: NodeJS.ProcessEnv;
  /** Written anew at each start. */
  readonly logFile: string;
  /** Asked again and again until it says true; must end by itself. */
  readonly isReady: () => Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** How long the program has between SIGTERM and SIGKILL. */
  readonly stopTimeoutMs: number;
};

const pollMs = 20;
const logTailLines = 15;

/** Throws, with the last lines of the log, when the program ends or is not ready in time; nothing of it runs then. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const child = await launch(options);
  const stop = () => end(child, options.stopTimeoutMs);
  const deadline = performance.now() + options.readyTimeoutMs;
  while (!(await options.isReady())) {
    if (hasEnded(child)) throw await failure(options, `ended at once (${child.signalCode ?? child.exitCode})`);
    if (performance.now() > deadline) {
      await stop();
      throw await failure(options, `did not answer within ${options.readyTimeoutMs} ms`);
    }
    await delay(pollMs);
  }
  return { pid: Number(child.pid), stop };
}

async function launch({ command: [program, ...args], env, logFile }: ServiceOptions): Promise<ChildProcess> {
  const log = await open(logFile, "w", 0o600);
  try {
    const child = spawn(program, args, { stdio: ["ignore", log.fd, log.fd], env: { ...process.env, ...env } });
    await once(child, "spawn");
    return child;
  } finally {
    await log.close();
  }
}

async function end(child: ChildProcess, stopTimeoutMs: number): Promise<void> {
  if (hasEnded(child)) return;
  const exit = once(child, "exit");
  const killer = setTimeout(() => child.kill("SIGKILL"), stopTimeoutMs);
  child.kill("SIGTERM");
  await exit;
  clearTimeout(killer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

async function failure({ command: [program], logFile }: ServiceOptions, what: string): Promise<Error> {
  const log = await readFile(logFile, "utf8").catch(() => "");
  const tail = log.trimEnd().split("\n").slice(-logTailLines).join("\n");
  return new Error(`${program} ${what}; the end of its log ${logFile}:\n${tail}`);
}
