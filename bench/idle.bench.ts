// What the server costs before it has anything to do: time from start to ready, and memory when idle, with its PostgreSQL.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";

const rounds = 5;
const settleMs = 5_000;
const main = path.join(import.meta.dirname, "../ci-server/main.ts");

interface Round {
  readonly firstStartMs: number;
  readonly startMs: number;
  /** MiB; the server's resident memory, and PostgreSQL's with shared pages counted once (PSS). */
  readonly serverMib: number;
  readonly postgresMib: number;
}

const measured: Round[] = [];
for (let round = 0; round < rounds; round += 1) measured.push(await measure());

console.log(`idle: medians of ${rounds} rounds, Node ${process.version}`);
console.table({
  "first start (makes database and secrets) to ready, ms": row((round) => round.firstStartMs),
  "start to ready, ms": row((round) => round.startMs),
  "server, RSS, MiB": row((round) => round.serverMib),
  "PostgreSQL, PSS, MiB": row((round) => round.postgresMib),
  "together, MiB": row((round) => round.serverMib + round.postgresMib),
});

async function measure(): Promise<Round> {
  const folder = await mkdtemp(path.join(tmpdir(), "bench-idle-"));
  try {
    const first = await start(folder);
    await stop(first.child);
    const second = await start(folder);
    await delay(settleMs);
    const serverMib = (await field(second.child.pid ?? 0, "status", "VmRSS")) / 1024;
    const postgresMib = await postgresMemory(folder);
    await stop(second.child);
    return { firstStartMs: first.ms, startMs: second.ms, serverMib, postgresMib };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(folder: string): Promise<{ readonly child: ChildProcess; readonly ms: number }> {
  const listen = { MERGEDOCK_LISTEN_API: "127.0.0.1:0", MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0" };
  const startedMs = performance.now();
  const child = spawn(process.execPath, [main], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...listen },
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("repositories")) return { child, ms: performance.now() - startedMs };
  }
  throw new Error("the server ended before it was ready");
}

async function stop(child: ChildProcess): Promise<void> {
  const exit = once(child, "exit");
  child.kill("SIGTERM");
  await exit;
}

/** The postmaster whose pid the data folder names, and its children. */
async function postgresMemory(folder: string): Promise<number> {
  const postmaster = Number.parseInt(
    await readFile(path.join(folder, "state/postgres/data/postmaster.pid"), "utf8"),
    10,
  );
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(
    pids.map(async (pid) => [pid, await field(pid, "status", "PPid").catch(() => 0)] as const),
  );
  const family = [postmaster, ...parents.filter(([, parent]) => parent === postmaster).map(([pid]) => pid)];
  const kib = await Promise.all(family.map((pid) => field(pid, "smaps_rollup", "Pss")));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

async function field(pid: number, file: string, name: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/${file}`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
}

function row(value: (round: Round) => number): Record<string, number> {
  const sorted = measured.map(value).sort((a, b) => a - b);
  const at = (index: number) => Math.round(sorted[index] ?? Number.NaN);
  return { min: at(0), median: at(Math.floor(rounds / 2)), max: at(rounds - 1) };
}
