// The queue of builds on pg-boss: in order and one at a time for each repository, given back when a worker dies.

import type { Pool, PoolClient } from "pg";
import { type ConstructorOptions, type Job, PgBoss } from "pg-boss";
import type { Logger } from "pino";
import type { Queue } from "../../core/ports.ts";
import type { Concurrency } from "../../core/recipe.ts";
import { type HeldLease, holdLease } from "./lease.ts";

const name = "build";
/** Seconds without a sign of life after which a build is taken from its worker; pg-boss takes no less. */
const heartbeatSeconds = 10;
/** The worker itself gives up earlier, so that it has stopped when the next one begins. */
const lease = { refreshMs: 1_000, lostMs: 8_000 };

interface BuildJob {
  readonly buildId: number;
}

export interface QueuedBuild extends BuildJob {
  readonly repository: string;
  /** Of the repository, when the build was asked for. */
  readonly concurrency: Concurrency;
}

export interface QueueOptions {
  readonly connection: ConstructorOptions;
  readonly pool: Pool;
  /** This worker, over all its starts. */
  readonly worker: string;
  /** Builds at once in this process. */
  readonly concurrency: number;
  /** Seconds after which a build is taken from a worker, however alive it is; above the build's own time limit. */
  readonly expireSeconds: number;
  readonly log: Logger;
}

/** pg-boss's schema and queue brought up to date, and its two uses: sending in a transaction of ours, and working. */
export interface BuildQueue extends Queue {
  /** In this order for each repository; each build once. */
  send(client: PoolClient, builds: readonly QueuedBuild[]): Promise<void>;
  /** Takes builds out of the queue that no worker has; returns how many there were. */
  remove(client: PoolClient, buildIds: readonly number[]): Promise<number>;
}

export async function createQueue(options: QueueOptions): Promise<BuildQueue> {
  const boss = new PgBoss({
    ...options.connection,
    useListenNotify: true,
    superviseIntervalSeconds: 1,
    monitorIntervalSeconds: 1,
    schedule: false,
  });
  boss.on("error", (error) => options.log.error({ err: error }, "queue error"));
  try {
    await boss.start();
    await createBuildQueue(boss, options.expireSeconds);
  } catch (cause) {
    await boss.stop({ graceful: false, close: true });
    throw cause;
  }
  const running = new Set<HeldLease>();
  return {
    send: (client, builds) => send(boss, client, builds),
    remove: removeJobs,
    work: async (handler) => {
      await takeUpOwn(boss, options);
      await work(boss, options.concurrency, running, handler);
    },
    stop: (graceMs) => stop(boss, running, graceMs),
  };
}

async function createBuildQueue(boss: PgBoss, expireInSeconds: number): Promise<void> {
  const queue = {
    policy: "key_strict_fifo",
    notify: true,
    heartbeatSeconds,
    // A build is given back as often as it takes: a job that failed for good would block its repository for ever.
    retryLimit: 2 ** 31 - 1,
    // However long it has waited, a job that is not done is not removed.
    retentionSeconds: 10 * 365 * 24 * 3600,
    retryBackoff: true,
    retryDelay: 1,
    retryDelayMax: 60,
    expireInSeconds,
  };
  await boss.createQueue(name, queue);
  const { policy: _fixed, heartbeatSeconds: _also, retryDelayMax: _too, ...changeable } = queue;
  await boss.updateQueue(name, changeable);
}

/** Jobs of one key run one after the other. */
async function send(boss: PgBoss, client: PoolClient, builds: readonly QueuedBuild[]): Promise<void> {
  if (builds.length === 0) return;
  const executeSql = (text: string, values: unknown[] = []) => client.query({ name: "send-builds", text, values });
  const jobs = builds.map(({ buildId, repository, concurrency }) => {
    const key = repository.toLowerCase();
    const singletonKey = concurrency === "parallel" ? `${key}#${buildId}` : key;
    return { id: toJobId(buildId), data: { buildId }, singletonKey };
  });
  const sent = await boss.insert(name, jobs, { db: { executeSql }, returnId: true });
  if (sent?.length !== jobs.length) throw new Error("a build was queued that has a job already");
}

/** Jobs of one transaction have the same time: pg-boss hands those out by their ids, and random ones would be out of order. */
function toJobId(buildId: number): string {
  return `00000000-0000-8000-8000-${buildId.toString(16).padStart(12, "0")}`;
}

/** A worker looks at two jobs of a repository in a second: those of builds that have ended would keep the others waiting for hours. */
async function removeJobs(client: PoolClient, buildIds: readonly number[]): Promise<number> {
  if (buildIds.length === 0) return 0;
  const sql = "delete from pgboss.job where name = $1 and state < 'active' and id = any($2::uuid[])";
  return (await client.query(sql, [name, buildIds.map(toJobId)])).rowCount ?? 0;
}

/**
 * What this worker had when it was killed is nobody's now, since its state folder has one owner at a time: no need to wait
 * until the heartbeat is missed. Nor for what it gave back when it was stopped. What another worker has claimed since is that one's.
 */
async function takeUpOwn(boss: PgBoss, { pool, worker, log }: QueueOptions): Promise<void> {
  const { rows } = await pool.query<{ id: string; retryCount: number; buildId: number }>(
    `select j.id, j.retry_count as "retryCount", b.id::int as "buildId"
     from pgboss.job j join build b on b.id = (j.data->>'buildId')::bigint
       join build_attempt a on a.build_id = b.id and a.attempt = b.attempts and a.worker = $1
     where j.name = $2 and (j.state = 'retry' or j.state = 'active' and j.started_on <= a.started_at)`,
    [worker, name],
  );
  for (const { buildId, ...job } of rows) {
    // Ends the claim of an active one; one that waits for its next try waits no longer.
    await boss.fail(name, job, { message: "its worker was killed" });
    await boss.update(name, { buildId }, { id: job.id, startAfter: 0 });
    log.info({ buildId }, "build taken up again");
  }
}

async function work(
  boss: PgBoss,
  localConcurrency: number,
  running: Set<HeldLease>,
  handler: Parameters<Queue["work"]>[0],
): Promise<void> {
  const options = {
    localConcurrency,
    // pg-boss sends no notification when a key becomes free: these polls start a repository's next build.
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
  } as const;
  await boss.work<BuildJob>(name, options, async ([job]: Job<BuildJob>[]) => {
    if (job === undefined) return;
    // The job and not its id: the claim of a job that was taken over is refused.
    const held = holdLease({ ...lease, touch: () => touch(boss, job) });
    running.add(held);
    try {
      await handler(job.data.buildId, held);
    } finally {
      held.release();
      running.delete(held);
    }
  });
}

/** False when the claim has lapsed: the job ended, or was given to another worker. */
async function touch(boss: PgBoss, job: Job): Promise<boolean> {
  const answer = await boss.touch(name, job);
  return (answer as { readonly affected: number }).affected === 1; // pg-boss declares none of the fields it answers
}

async function stop(boss: PgBoss, running: Set<HeldLease>, graceMs: number): Promise<void> {
  const patience = setTimeout(() => {
    for (const held of running) held.end("the server stops");
  }, graceMs);
  try {
    // The builds that are ended after graceMs still need a moment to clean up after themselves.
    await boss.stop({ graceful: true, close: true, timeout: graceMs + 15_000 });
  } finally {
    clearTimeout(patience);
  }
}
