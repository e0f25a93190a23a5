// The queue of builds on pg-boss: in order and one at a time for each repository, given back when a worker dies.

import type { PoolClient } from "pg";
import { type ConstructorOptions, type Job, PgBoss } from "pg-boss";
import type { Logger } from "pino";
import type { Queue } from "../../core/ports.ts";

const name = "build";

interface BuildJob {
  readonly buildId: number;
}

export interface QueuedBuild extends BuildJob {
  readonly repository: string;
}

export interface QueueOptions {
  readonly connection: ConstructorOptions;
  /** Builds at once in this process, each of another repository. */
  readonly concurrency: number;
  /** Seconds after which a build is taken from a worker, however alive it is; above the build's own time limit. */
  readonly expireSeconds: number;
  readonly log: Logger;
}

/** pg-boss's schema and queue brought up to date, and its two uses: sending in a transaction of ours, and working. */
export interface BuildQueue extends Queue {
  /** In this order for each repository; each build once. */
  send(client: PoolClient, builds: readonly QueuedBuild[]): Promise<void>;
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
  await boss.start();
  await createBuildQueue(boss, options.expireSeconds);
  const running = new Set<AbortController>();
  return {
    send: (client, builds) => send(boss, client, builds),
    work: (handler) => work(boss, options.concurrency, running, handler),
    stop: (graceMs) => stop(boss, running, graceMs),
  };
}

async function createBuildQueue(boss: PgBoss, expireInSeconds: number): Promise<void> {
  const queue = {
    policy: "key_strict_fifo",
    notify: true,
    heartbeatSeconds: 10,
    retryLimit: 1000,
    retryBackoff: true,
    retryDelay: 2,
    retryDelayMax: 60,
    expireInSeconds,
  };
  await boss.createQueue(name, queue);
  const { policy: _fixed, heartbeatSeconds: _also, retryDelayMax: _too, ...changeable } = queue;
  await boss.updateQueue(name, changeable);
}

async function send(boss: PgBoss, client: PoolClient, builds: readonly QueuedBuild[]): Promise<void> {
  if (builds.length === 0) return;
  const executeSql = (text: string, values: unknown[] = []) => client.query({ name: "send-builds", text, values });
  const jobs = builds.map(({ buildId, repository }) => ({
    ...{ id: toJobId(buildId), data: { buildId }, singletonKey: repository.toLowerCase() },
  }));
  const sent = await boss.insert(name, jobs, { db: { executeSql }, returnId: true });
  if (sent?.length !== jobs.length) throw new Error("a build was queued that has a job already");
}

/** Jobs of one transaction have the same time: pg-boss hands those out by their ids, and random ones would be out of order. */
function toJobId(buildId: number): string {
  return `00000000-0000-8000-8000-${buildId.toString(16).padStart(12, "0")}`;
}

async function work(
  boss: PgBoss,
  localConcurrency: number,
  running: Set<AbortController>,
  handler: Parameters<Queue["work"]>[0],
): Promise<void> {
  const options = {
    localConcurrency,
    // pg-boss sends no notification when a key becomes free: these polls start a repository's next build.
    pollingIntervalSeconds: 0.5,
    notifyPollingIntervalSeconds: 0.5,
    heartbeatRefreshSeconds: 1,
  } as const;
  await boss.work<BuildJob>(name, options, async ([job]: Job<BuildJob>[]) => {
    if (job === undefined) return;
    const stopping = new AbortController();
    running.add(stopping);
    try {
      await handler(job.data.buildId, AbortSignal.any([stopping.signal, job.signal]));
    } finally {
      running.delete(stopping);
    }
  });
}

async function stop(boss: PgBoss, running: Set<AbortController>, graceMs: number): Promise<void> {
  const patience = setTimeout(() => abortAll(running), graceMs);
  try {
    // The builds that are aborted after graceMs still need a moment to clean up after themselves.
    await boss.stop({ graceful: true, close: true, timeout: graceMs + 15_000 });
  } finally {
    clearTimeout(patience);
  }
}

function abortAll(running: Set<AbortController>): void {
  for (const controller of running) controller.abort(new DOMException("the server is stopping", "AbortError"));
}
