// Puts together who hears of what the server does: its log, its metrics, traces where somebody wants them, notifications.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Logger } from "pino";
import { createBuildLogger } from "./adapters/build-log-lines.ts";
import { systemClock } from "./adapters/clock.ts";
import { createDisk } from "./adapters/disk.ts";
import { countBuilds, countDeliveries, countRequests } from "./adapters/metrics/observers.ts";
import { createMetricsPage, type MetricsPage } from "./adapters/metrics/page.ts";
import { createMetrics, type Metrics } from "./adapters/metrics/registry.ts";
import { repositoryLabel } from "./adapters/metrics/repository-label.ts";
import { readBacklog } from "./adapters/postgres/backlog.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import { readTrace } from "./adapters/postgres/traces.ts";
import { openExport, type SpanExport } from "./adapters/tracing/exporter.ts";
import { traceBuild } from "./adapters/tracing/trace-builds.ts";
import { traceDeliveries } from "./adapters/tracing/trace-deliveries.ts";
import { startNotifications } from "./app-notifying.ts";
import { readOrMakeWorkerId } from "./app-secrets.ts";
import type { Config } from "./config.ts";
import { allBuildObservers, allDeliveryObservers, unwatched } from "./core/observers.ts";
import type { BuildObserver, DeliveryObserver, RequestObserver } from "./core/ports.ts";

/** This program's. */
const { version } = JSON.parse(readFileSync(path.join(import.meta.dirname, "../package.json"), "utf8")) as {
  version: string;
};

export interface ObservingNeeds {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
}

export interface Observing {
  readonly page: MetricsPage;
  readonly requests: RequestObserver;
  readonly deliveries: DeliveryObserver;
  /** For the next attempt at the build. Never throws, and asks nobody but the database. */
  builds(buildId: number): Promise<BuildObserver>;
  close(): Promise<void>;
}

export async function openObserving({ config, log, postgres }: ObservingNeeds): Promise<Observing> {
  const { role, repositories, workers, observing, stateFolder, engineHost } = config;
  const isWorker = role !== "receiver";
  const clock = systemClock;
  const metrics = createMetrics();
  metrics.info.set({ version, role }, 1);
  const labelOf = repositoryLabel(repositories.map(({ name }) => name));
  const exporter = await openTraces(config, log, metrics);
  const notifying = isWorker ? startNotifications({ config, log, postgres, metrics }) : null;
  const report = (error: unknown) => log.error({ err: error }, "an observer failed");
  const counting = isWorker ? [countBuilds({ metrics, labelOf, clock, workers })] : [];
  const waking: BuildObserver = { begun: () => ({ ...unwatched, ended: () => notifying?.wake() }) };
  const always = [createBuildLogger(log), ...counting, waking];
  return {
    page: createMetricsPage({
      ...{
        metrics,
        labelOf,
        clock,
        stateFolder,
        backlog: () => readBacklog(postgres.pool),
        pool: () => poolState(postgres),
      },
      disk: isWorker ? createDisk({ stateFolder, engineHost }) : null,
    }),
    requests: countRequests(metrics),
    deliveries: allDeliveryObservers(
      [countDeliveries(metrics), ...(exporter === null ? [] : [traceDeliveries(exporter, clock)])],
      report,
    ),
    async builds(buildId) {
      if (exporter === null) return allBuildObservers(always, report);
      const [worker, earlier] = await Promise.all([
        readOrMakeWorkerId(config),
        readTrace(postgres.pool, buildId).catch(() => ({ traceparent: null, attempts: [] })),
      ]);
      const urls = new Map(repositories.map(({ name, url }) => [name.toLowerCase(), url]));
      const { publicUrl } = observing;
      return allBuildObservers([...always, traceBuild({ exporter, clock, worker, publicUrl, urls }, earlier)], report);
    },
    async close() {
      await notifying?.stop();
      await exporter?.close();
    },
  };
}

function poolState({ pool }: OpenPostgres): ReturnType<Parameters<typeof createMetricsPage>[0]["pool"]> {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, options } = pool;
  return { total, idle, waiting, max: options.max ?? 0 };
}

/** Null where nobody wants them: then nothing of it is loaded. The log hears when the collector goes and comes back. */
async function openTraces(config: Config, log: Logger, metrics: Metrics): Promise<SpanExport | null> {
  const { tracesUrl } = config.observing;
  if (tracesUrl === null) return null;
  let isDown = false;
  const resource = {
    "service.name": "mergedock",
    "service.version": version,
    "service.instance.id": await readOrMakeWorkerId(config),
    "mergedock.role": config.role,
  };
  return openExport({
    ...{ url: tracesUrl, resource },
    report({ spans, problem }) {
      if (problem !== null) metrics.systemErrors.inc({ cicd_system_component: "tracing", error_type: "not_exported" });
      if ((problem !== null) === isDown) return;
      isDown = problem !== null;
      if (isDown) log.warn({ problem, spans }, "traces cannot be sent: those of this time are lost");
      else log.info("traces are sent again");
    },
  });
}
