// What the server costs before it has anything to do: time from start to ready, and memory when idle, with its PostgreSQL.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { postgresMib, residentMib } from "./process-use.ts";

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
    const memory = {
      serverMib: await residentMib(second.child.pid ?? 0, "VmRSS"),
      postgresMib: await postgresMib(path.join(folder, "state/postgres/data")),
    };
    await stop(second.child);
    return { firstStartMs: first.ms, startMs: second.ms, ...memory };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function start(folder: string): Promise<{ readonly child: ChildProcess; readonly ms: number }> {
  const listen = { MERGEDOCK_LISTEN_API: "127.0.0.1:0", MERGEDOCK_LISTEN_WEBHOOKS: "127.0.0.1:0" };
  const startedMs = performance.now();
  const child = spawn(process.execPath, [main, "serve"], {
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

function row(value: (round: Round) => number): Record<string, number> {
  const sorted = measured.map(value).sort((a, b) => a - b);
  const at = (index: number) => Math.round(sorted[index] ?? Number.NaN);
  return { min: at(0), median: at(Math.floor(rounds / 2)), max: at(rounds - 1) };
}
