// Starts the real server as a process of its own, beside a PostgreSQL that the bench has started.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { EmbeddedPostgres } from "../ci-server/adapters/postgres/embedded.ts";

export interface Program {
  readonly folder: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What it writes goes to a file in its folder. */
export function start({ folder, command, args, env }: Program): ChildProcess {
  const output = openSync(path.join(folder, `${path.basename(command)}.log`), "a");
  const stdio = ["ignore", output, output] as const;
  return spawn(command, args, { cwd: folder, env: { PATH: process.env.PATH, ...env }, stdio: [...stdio] });
}

/** Reads `mergedock.yml` in its folder; BENCH_CPU_PROFILE names a folder for a profile of it. */
export function startServer(program: Pick<Program, "folder" | "env"> & { readonly role: string }): ChildProcess {
  const profiles = process.env.BENCH_CPU_PROFILE;
  const profile = profiles === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", profiles];
  const main = path.join(import.meta.dirname, "../ci-server/main.ts");
  return start({ ...program, command: process.execPath, args: [...profile, main, "serve", "--role", program.role] });
}

export async function listening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, "127.0.0.1");
    const answers = await once(socket, "connect").catch(() => null);
    socket.destroy();
    if (answers !== null) return;
    await delay(10);
  }
  throw new Error("a server ended before it listened");
}

export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** As a server would name it in DATABASE_URL. */
export function urlOf({ connection }: EmbeddedPostgres): string {
  return `postgres:///${connection.database}?host=${encodeURIComponent(connection.host)}&user=${connection.user}`;
}
