// The text of /metrics. What is not counted but looked at (queue, disk, connections) is looked at when somebody asks, and not more
// often than every few seconds, however many ask.

import { Registry } from "prom-client";
import type { Clock, Disk } from "../../core/ports.ts";
import { type Metrics, nodeMetrics } from "./registry.ts";
import type { RepositoryLabel } from "./repository-label.ts";

/** Of all processes on the database. Builds in no particular order. */
export interface Backlog {
  readonly builds: readonly {
    readonly repository: string;
    readonly state: "pending" | "executing";
    readonly count: number;
  }[];
  readonly oldestSeconds: number;
  readonly notifications: { readonly pending: number; readonly failed: number };
}

export interface PoolState {
  readonly total: number;
  readonly idle: number;
  readonly waiting: number;
  readonly max: number;
}

export interface PageParts {
  readonly metrics: Metrics;
  readonly labelOf: RepositoryLabel;
  readonly clock: Pick<Clock, "monotonicMs">;
  readonly backlog: () => Promise<Backlog>;
  readonly pool: () => PoolState;
  /** Null: of a process that builds nothing. */
  readonly disk: Disk | null;
  readonly stateFolder: string;
}

export interface MetricsPage {
  readonly contentType: string;
  text(): Promise<string>;
}

const keptMs = 5_000;
const lookMsMax = 3_000;

export function createMetricsPage(parts: PageParts): MetricsPage {
  const { metrics, clock } = parts;
  let look: { readonly atMs: number; readonly done: Promise<void> } | null = null;
  return {
    contentType: Registry.PROMETHEUS_CONTENT_TYPE,
    async text() {
      const nowMs = clock.monotonicMs();
      if (look === null || nowMs - look.atMs >= keptMs) look = { atMs: nowMs, done: lookAround(parts) };
      await look.done;
      showPool(parts);
      return Registry.merge([metrics.registry, nodeMetrics()]).metrics();
    },
  };
}

/** What cannot be looked at is left out: a number of long ago would look like one of now. */
async function lookAround(parts: PageParts): Promise<void> {
  await Promise.all([showBacklog(parts), showDisk(parts)]);
}

async function showBacklog({ metrics, labelOf, backlog }: PageParts): Promise<void> {
  const found = await within(backlog()).catch(() => null);
  const { active, queueDepth, queueAge, notificationsOpen } = metrics;
  for (const gauge of [active, queueDepth, queueAge, notificationsOpen]) gauge.reset();
  if (found === null) {
    queueDepth.set(Number.NaN);
    queueAge.set(Number.NaN);
    return;
  }
  for (const { repository, state, count } of found.builds)
    active.inc({ cicd_pipeline_name: labelOf(repository), cicd_pipeline_run_state: state }, count);
  const waiting = found.builds.filter(({ state }) => state === "pending");
  queueDepth.set(waiting.reduce((sum, { count }) => sum + count, 0));
  queueAge.set(found.oldestSeconds);
  for (const state of ["pending", "failed"] as const) notificationsOpen.set({ state }, found.notifications[state]);
}

async function showDisk({ metrics, disk, stateFolder }: PageParts): Promise<void> {
  metrics.diskFree.reset();
  const found = disk === null ? [] : await within(disk.free(AbortSignal.timeout(lookMsMax))).catch(() => []);
  for (const { folder, bytes } of found)
    metrics.diskFree.set({ place: folder === stateFolder ? "state" : "engine" }, bytes);
}

function showPool({ metrics, pool }: PageParts): void {
  const { total, idle, waiting, max } = pool();
  metrics.connections.set({ db_client_connection_state: "idle" }, idle);
  metrics.connections.set({ db_client_connection_state: "used" }, total - idle);
  metrics.connectionsWaiting.set(waiting);
  metrics.connectionsMax.set(max);
}

async function within<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("no answer")), lookMsMax);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
