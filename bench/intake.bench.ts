// What a delivery costs until it is accepted: signed 24 kB merges, stored durably with their builds and jobs, beside Debian's
// `webhook` that runs /bin/true, and beside the least that a receiver in Node has to do.

import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { startEmbeddedPostgres } from "../ci-server/adapters/postgres/embedded.ts";
import { installPackages } from "../lab/packages.ts";
import { type Load, sendAll } from "./load-client.ts";
import { childrenOf, cpuMs, postgresCpuMs, postgresMib, residentMib } from "./process-use.ts";
import { type MergeSource, signedMerges } from "./signed-merges.ts";
import { freePort, listening, start, startServer, stop, urlOf } from "./start-server.ts";
import { median, percentile, round } from "./statistics.ts";

const rounds = 5;
const loads = [
  { concurrency: 16, deliveries: 6_000 },
  { concurrency: 64, deliveries: 6_000 },
  { concurrency: 1, deliveries: 600 },
] as const;
const warmUpDeliveries = 1_000;
const secret = "the hook's secret of the bench";
const repositories = Array.from({ length: 50 }, (_none, index) => `acme/shop-${10 + index}`);
// Nothing is built here: the queue only grows.
const limits = { queued_builds_max: 1_000_000, queued_builds_per_repository_max: 1_000_000 };

interface Side {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly status: number;
  readonly child: ChildProcess;
  /** Processor time of all its processes so far, in ms. */
  cpuMs(): Promise<number>;
  /** Until what goes on behind the answers has ended. */
  wait(): Promise<void>;
  /** Puts away what a run has left, at nobody's cost. */
  settle(): Promise<void>;
}

interface Measured {
  readonly perSecond: number;
  /** Until all that an answer set off is done: for us that is before the answer. */
  readonly donePerSecond: number;
  readonly p50: number;
  readonly p99: number;
  /** Of the side's processes, for each delivery: says more than its rate does when the machine has other work. */
  readonly cpuUs: number;
}

const measured = new Map<string, Measured[]>();
const memory: Record<string, Record<string, number>> = {};

await installPackages(["webhook"]);
const folder = await mkdtemp(path.join(tmpdir(), "bench-intake-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "postgres"));
const names: string[] = [];
try {
  for (let turn = 0; turn < rounds; turn += 1)
    for (const startSide of [startMergedock, startWebhook, startFloor]) await takeTurn(startSide);
  await proveDurability();
  print();
} finally {
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

/** Each turn has a process of its own: what one leaves to do (Go gives back memory for seconds) must not burden the next. */
async function takeTurn(startSide: () => Promise<Side>): Promise<void> {
  const side = await startSide();
  try {
    if (!names.includes(side.name)) names.push(side.name);
    await run(side, { concurrency: 16, deliveries: warmUpDeliveries });
    await measure(side);
    await noteMemory(side);
  } finally {
    await stop(side.child);
  }
}

async function measure(side: Side): Promise<void> {
  for (const load of loads) {
    const { seconds, secondsDone, latenciesMs, cpuUs } = await run(side, load);
    const key = keyOf(side.name, load.concurrency);
    const one = {
      perSecond: latenciesMs.length / seconds,
      donePerSecond: latenciesMs.length / secondsDone,
      p50: percentile(latenciesMs, 50),
      p99: percentile(latenciesMs, 99),
      cpuUs,
    };
    measured.set(key, [...(measured.get(key) ?? []), one]);
  }
}

type Run = Load & { readonly cpuUs: number; readonly secondsDone: number };

async function run(side: Side, load: { concurrency: number; deliveries: number }): Promise<Run> {
  const source: MergeSource = { path: side.path, secret, repositories };
  const requests = signedMerges(source, load.deliveries);
  const beforeMs = await side.cpuMs();
  const startedMs = performance.now();
  const done = await sendAll(side.port, requests, load.concurrency);
  if (done.statuses.get(side.status) !== load.deliveries)
    throw new Error(`${side.name} answered ${JSON.stringify([...done.statuses])}, not ${side.status} to all`);
  await side.wait();
  const secondsDone = (performance.now() - startedMs) / 1000;
  const cpuUs = (((await side.cpuMs()) - beforeMs) * 1000) / load.deliveries;
  await side.settle();
  return { ...done, cpuUs, secondsDone };
}

function keyOf(name: string, concurrency: number): string {
  return `${name}, ${concurrency} at once`;
}

/** As several machines would run it: a receiver beside its database, with the default durability and no workers. */
async function startMergedock(): Promise<Side> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const config = {
    listen: { api: `127.0.0.1:${apiPort}`, webhooks: `127.0.0.1:${port}` },
    repositories: repositories.map((name) => ({ name, url: `https://127.0.0.1:9/${name}.git` })),
    limits,
  };
  await writeFile(path.join(folder, "mergedock.yml"), JSON.stringify(config)); // JSON is YAML
  const secrets = { MERGEDOCK_WEBHOOK_SECRETS: secret, MERGEDOCK_ADMIN_TOKEN: secret };
  const env = { ...secrets, DATABASE_URL: urlOf(postgres) };
  const child = startServer({ folder, env, role: "receiver" });
  const side = { name: "mergedock, stored", port, path: "/webhooks/github", status: 202, child };
  await listening(port, child);
  const cpu = async () => (await cpuMs(child.pid ?? 0)) + (await postgresCpuMs(path.join(folder, "postgres/data")));
  return { ...side, cpuMs: cpu, wait: nothing, settle: endBuilds };
}

async function startWebhook(): Promise<Side> {
  const port = await freePort();
  const parameter = { source: "header", name: "X-Hub-Signature-256" };
  const rule = { match: { type: "payload-hmac-sha256", secret, parameter } };
  const hooks = [{ id: "bench", "execute-command": "/bin/true", "trigger-rule": rule }];
  const file = path.join(folder, "hooks.json");
  await writeFile(file, JSON.stringify(hooks));
  const child = start({
    ...{ folder, command: "/usr/bin/webhook" },
    args: ["-hooks", file, "-ip", "127.0.0.1", "-port", String(port)],
  });
  await listening(port, child);
  // It answers before its command has run: what is left of them must not burden the next side.
  const wait = async () => {
    while ((await childrenOf(child.pid ?? 0)).length > 0) await delay(50);
  };
  return {
    name: "webhook, /bin/true",
    port,
    path: "/hooks/bench",
    status: 200,
    child,
    cpuMs: () => cpuMs(child.pid ?? 0),
    wait,
    settle: nothing,
  };
}

async function startFloor(): Promise<Side> {
  const port = await freePort();
  const child = start({
    ...{ folder, command: process.execPath },
    args: [path.join(import.meta.dirname, "floor-server.ts"), String(port), secret],
  });
  await listening(port, child);
  return {
    name: "node:http, nothing kept",
    port,
    path: "/",
    status: 202,
    child,
    cpuMs: () => cpuMs(child.pid ?? 0),
    wait: nothing,
    settle: nothing,
  };
}

async function nothing(): Promise<void> {}

/** As workers that keep up would leave it; the rows stay for the proof. */
async function endBuilds(): Promise<void> {
  await select("update build set result = 'success' where result is null");
  await select("update pgboss.job set state = 'completed', completed_on = now() where state < 'active'");
  // What would go on in the background is done here, at nobody's cost.
  await select("vacuum analyze");
  await select("checkpoint");
}

async function select(sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client(postgres.connection);
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Every 202 has to be a delivery, a build and a job. */
async function proveDurability(): Promise<void> {
  const accepted = rounds * loads.reduce((sum, { deliveries }) => sum + deliveries, warmUpDeliveries);
  const [rows = {}] = await select(
    `select (select count(*)::int from delivery where verdict = 'build') as deliveries, (select count(*)::int from build) as builds,
       (select count(*)::int from pgboss.job where name = 'build') as jobs, current_setting('fsync') as fsync,
       current_setting('synchronous_commit') as synchronous_commit`,
  );
  console.log(`answered with 202: ${accepted}; in the database: ${JSON.stringify(rows)}`);
  const counts = [rows.deliveries, rows.builds, rows.jobs];
  if (counts.some((count) => count !== accepted)) throw new Error("not everything that was accepted is stored");
}

/** Of the last turn. */
async function noteMemory({ name, child }: Side): Promise<void> {
  memory[name] = { "peak RSS, MiB": Math.round(await residentMib(child.pid ?? 0, "VmHWM")) };
  memory["PostgreSQL (PSS)"] = { "peak RSS, MiB": Math.round(await postgresMib(path.join(folder, "postgres/data"))) };
}

function print(): void {
  console.log(
    `intake: medians of ${rounds} rounds of ${loads.map(({ deliveries }) => deliveries).join(" and ")} deliveries, Node ${process.version}`,
  );
  for (const { concurrency } of loads) {
    const keys = names.map((name) => keyOf(name, concurrency));
    const [ours, other] = keys.map((key) => measured.get(key) ?? []);
    console.table(Object.fromEntries(keys.map((key) => [key, row(key)])));
    const ratios = (ours ?? []).map(({ perSecond }, index) => perSecond / (other?.[index]?.perSecond ?? Number.NaN));
    console.log(`mergedock / webhook: ${round(median(ratios))} (${ratios.map((ratio) => round(ratio)).join(", ")})`);
  }
  console.table(memory);
}

function row(key: string): Record<string, number> {
  const all = measured.get(key) ?? [];
  const of = (field: keyof Measured) => round(median(all.map((one) => one[field])));
  return {
    "answered/s": of("perSecond"),
    "done/s": of("donePerSecond"),
    "p50, ms": of("p50"),
    "p99, ms": of("p99"),
    "processor, us": of("cpuUs"),
  };
}
