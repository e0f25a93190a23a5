// What a long history costs: pages of a million builds and deliveries through the API, and a start with a long queue.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "pg";
import { PgBoss } from "pg-boss";
import { startEmbeddedPostgres } from "../ci-server/adapters/postgres/embedded.ts";
import { sendAll } from "./load-client.ts";
import { freePort, listening, startServer, stop, urlOf } from "./start-server.ts";
import { median, percentile, round } from "./statistics.ts";

const count = 1_000_000;
const queued = 10_000;
const requests = 500;
/** Not counted: code and caches get warm. */
const warmUps = 50;
const starts = 5;
const token = "the admin token of the bench";
const middle = count / 2;

const folder = await mkdtemp(path.join(tmpdir(), "bench-history-"));
const postgres = await startEmbeddedPostgres(path.join(folder, "postgres"));
const client = new Client(postgres.connection);
try {
  await client.connect();
  const port = await configure();
  // The first start makes the schema.
  await stop((await serve(port, "receiver")).child);
  await timed("filled", fill);
  await measurePages(port);
  await timed("queued", fillQueue);
  await measureQueue(port);
} finally {
  await client.end();
  await postgres.stop();
  await rm(folder, { recursive: true, force: true });
}

async function configure(): Promise<number> {
  const [api, webhooks] = [await freePort(), await freePort()];
  const listen = { api: `127.0.0.1:${api}`, webhooks: `127.0.0.1:${webhooks}` };
  const repositories = [{ name: "acme/shop-1", url: "https://127.0.0.1:9/acme/shop-1.git" }];
  // All of it is kept, however old it is made.
  const limits = {
    ledger_days_max: 36_500,
    ledger_bytes_max: 2 ** 50,
    drain_seconds_max: 1,
    api_requests_per_minute_max: 1_000_000,
  };
  await writeFile(path.join(folder, "mergedock.yml"), JSON.stringify({ listen, repositories, limits })); // JSON is YAML
  return api;
}

async function serve(port: number, role: "all" | "receiver") {
  const env = { DATABASE_URL: urlOf(postgres), MERGEDOCK_ADMIN_TOKEN: token, MERGEDOCK_WEBHOOK_SECRETS: token };
  const startedMs = performance.now();
  const child = startServer({ folder, env, role });
  await listening(port, child);
  return { child, ms: performance.now() - startedMs };
}

async function timed(what: string, work: () => Promise<void>): Promise<void> {
  const startedMs = performance.now();
  await work();
  console.log(`${what} in ${Math.round((performance.now() - startedMs) / 1000)} s`);
}

/** 30 of 100 builds are those of one repository, 199 share the others; `acme/rare` has twenty of the oldest. */
async function fill(): Promise<void> {
  const name = `case when n % 100 < 30 then 'Acme/Busy' when n <= 20 * 100 and n % 100 = 99 then 'acme/rare'
    else 'acme/shop-' || n % 198 end`;
  // The rows are as the program leaves them: checking each reference would take minutes.
  await client.query("set session_replication_role = replica");
  await client.query(
    `insert into build (repository, trigger, sha, ref, repository_id, pull_request_number, pull_request, delivery_guid, created_at,
       started_at, finished_at, attempts, result)
     select ${name}, 'pull_request', md5(n::text) || '00000000', 'main', n % 1000, n,
       jsonb_build_object('number', n, 'title', 'Say hello to ' || n, 'url', 'https://github.com/acme/shop/pull/' || n, 'author', 'ada', 'mergedBy', 'bob'),
       'guid-' || n, at, at + interval '1 s', at + interval '40 s', 1, case when n % 10 = 0 then 'failure' else 'success' end
     from (select n, now() - (${count} - n) * interval '1 min' as at from generate_series(1, ${count}) n) s`,
  );
  await client.query(
    `insert into build_stage (build_id, name, started_at, ms, result)
     select id, name, created_at, 1000, 'success' from build, unnest(array['queued', 'fetch', 'plan', 'build', 'push', 'prove']) name`,
  );
  await client.query(
    `insert into image (build_id, service, reference, path, digest, tags, bytes)
     select id, 'shop', 'localhost:5000/acme/shop@sha256:' || sha, lower(repository), 'sha256:' || sha, array['sha-' || left(sha, 7), 'pr-' || id], 50000000
     from build where result = 'success'`,
  );
  // The body aside, which no page reads and which stands in a table of its own, a row is as wide as a real one.
  await client.query(
    `insert into delivery (guid, forge, name, action, repository, hook_id, received_at, body, body_digest, body_bytes, headers, secret_id,
       verdict, reason, rules, build_id, is_origin, title)
     select 'guid-' || id, 'github', 'pull_request', 'closed', repository, '292430182', created_at, '\\x00', sha256(sha::bytea), 24000,
       '{"content-type": "application/json", "user-agent": "GitHub-Hookshot/0123456", "x-github-event": "pull_request"}', '0123abcd',
       case when id % 100 = 1 then 'skip' else 'build' end, 'pull request #' || id || ' was merged into main',
       (select jsonb_agg(jsonb_build_object('rule', r, 'passed', true, 'saw', 'what it saw')) from unnest(array['event', 'action', 'merged', 'repository', 'branch', 'already built']) r), id,
       id % 100 <> 1, '#' || id || ' Say hello to ' || id
     from build`,
  );
  await client.query("set session_replication_role = default");
  await client.query("vacuum analyze");
}

async function measurePages(port: number): Promise<void> {
  const { child } = await serve(port, "receiver");
  const pages = {
    "builds: newest 50": "/builds",
    "builds: of a busy repository": "/builds?repository=acme/busy",
    "builds: of a rare one": "/builds?repository=acme/RARE",
    "builds: before the middle": `/builds?before=${middle}`,
    "builds: of the busy one, before the middle": `/builds?repository=acme/busy&before=${middle}`,
    "one build": `/builds/${middle}`,
    "deliveries: newest 50": "/deliveries",
    "deliveries: of a busy repository": "/deliveries?repository=acme/busy",
    "deliveries: of a rare one": "/deliveries?repository=acme/rare",
    "deliveries: skipped": "/deliveries?verdict=skip",
    "deliveries: skipped, of the busy one": "/deliveries?verdict=skip&repository=acme/busy",
    "deliveries: before the middle": `/deliveries?before=${middle}`,
    "one delivery": `/deliveries/guid-${middle}`,
    "activity: newest 50": "/activity",
    "activity: of a busy repository": "/activity?repository=acme/busy",
    "activity: of a rare one": "/activity?repository=acme/rare",
    "activity: skipped": "/activity?verdict=skip",
    "activity: failures": "/activity?result=failure",
    "activity: before the middle": `/activity?before=${(Date.now() - middle * 60_000) * 1000}-b${middle}`,
    "activity: words that nobody wrote": "/activity?q=nobody%20wrote%20this",
    "images: newest 50": "/images",
    "images: versions of a busy one": "/images/acme%2Fbusy",
    repositories: "/repositories",
    system: "/system",
  };
  const rows: Record<string, unknown> = {};
  try {
    for (const [name, page] of Object.entries(pages)) rows[name] = await measurePage(port, page);
  } finally {
    await stop(child);
  }
  console.log(`history: ${count} builds and deliveries, ${requests} requests each, Node ${process.version}`);
  console.table(rows);
}

/** By the load client, whose own work is small beside that of fetch. */
async function measurePage(port: number, page: string): Promise<Record<string, number>> {
  const lines = [`GET /api/v1${page} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Authorization: Bearer ${token}`];
  const request = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
  const { latenciesMs, statuses } = await sendAll(port, Array(warmUps + requests).fill(request), 1);
  if (statuses.get(200) !== warmUps + requests) throw new Error(`${page} answered ${JSON.stringify([...statuses])}`);
  const times = latenciesMs.slice(warmUps);
  return { "p50, ms": round(percentile(times, 50)), "p99, ms": round(percentile(times, 99)) };
}

/** Builds of 200 repositories that wait, each with its job. */
async function fillQueue(): Promise<void> {
  const boss = await openBoss();
  const { rows } = await client.query<{ id: string; repository: string }>(
    `insert into build (repository, trigger, sha, ref) select 'acme/shop-' || n % 200, 'manual', md5(n::text), 'main'
     from generate_series(1, ${queued}) n returning id, repository`,
  );
  await boss.insert(
    "build",
    rows.map(({ id, repository }) => ({ id: randomUUID(), data: { buildId: Number(id) }, singletonKey: repository })),
  );
  await boss.stop();
  await client.query("vacuum analyze");
}

async function openBoss(): Promise<PgBoss> {
  const boss = new PgBoss({ ...postgres.connection, supervise: false, schedule: false, migrate: false });
  return boss.start();
}

async function measureQueue(port: number): Promise<void> {
  const startsMs: number[] = [];
  for (let turn = 0; turn < starts; turn += 1) {
    const { child, ms } = await serve(port, "all");
    startsMs.push(ms);
    await stop(child);
  }
  const boss = await openBoss();
  const fetchMs = await repeat(() => boss.fetch("build"));
  await boss.stop();
  const countMs = await repeat(() =>
    client.query("select repository, count(*) from build where result is null group by repository"),
  );
  console.log(`with ${queued} builds of 200 repositories in the queue:`);
  console.table({
    "start to listening": { "p50, ms": round(median(startsMs)), "p99, ms": round(percentile(startsMs, 99)) },
    "a worker takes a build": { "p50, ms": round(median(fetchMs)), "p99, ms": round(percentile(fetchMs, 99)) },
    "counting what is queued": { "p50, ms": round(median(countMs)), "p99, ms": round(percentile(countMs, 99)) },
  });
}

async function repeat(work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    const startedMs = performance.now();
    await work();
    times.push(performance.now() - startedMs);
  }
  return times;
}
