// Puts together who hears of what the server does: its log, its metrics, traces where somebody wants them, notifications.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Logger } from "pino";
import { createBuildLogger } from "./adapters/build-log-lines.ts";
import { systemClock } from "./adapters/clock.ts";
import { createDisk } from "./adapters/disk.ts";
import { countBuilds, countDeliveries, countForgeQuestions, countRequests } from "./adapters/metrics/observers.ts";
import { createMetricsPage, type MetricsPage } from "./adapters/metrics/page.ts";
import { createMetrics, type Metrics } from "./adapters/metrics/registry.ts";
import { repositoryLabel } from "./adapters/metrics/repository-label.ts";
import { readBacklog } from "./adapters/postgres/backlog.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import { startNotifications } from "./app-notifying.ts";
import { countReports } from "./app-report-metrics.ts";
import { openTracing } from "./app-tracing.ts";
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
  readonly metrics: Metrics;
  readonly page: MetricsPage;
  readonly requests: RequestObserver;
  readonly deliveries: DeliveryObserver;
  readonly forgeQuestions: ReturnType<typeof countForgeQuestions>;
  readonly reports: ReturnType<typeof countReports>;
  /** For the next attempt at the build. Never throws, and asks nobody but the database. */
  builds(buildId: number): Promise<BuildObserver>;
  close(): Promise<void>;
}

export async function openObserving({ config, log, postgres }: ObservingNeeds): Promise<Observing> {
  const { role, repositories, workers, stateFolder, engineHost } = config;
  const isWorker = role !== "receiver";
  const clock = systemClock;
  const metrics = createMetrics();
  metrics.info.set({ version, role }, 1);
  const labelOf = repositoryLabel(repositories.map(({ name }) => name));
  const tracing = await openTracing({ config, log, postgres, metrics, version });
  const notifying = isWorker ? startNotifications({ config, log, postgres, metrics }) : null;
  const report = (error: unknown) => log.error({ err: error }, "an observer failed");
  const counting = isWorker ? [countBuilds({ metrics, labelOf, clock, workers })] : [];
  const waking: BuildObserver = { begun: () => ({ ...unwatched, ended: () => notifying?.wake() }) };
  const always = [createBuildLogger(log), ...counting, waking];
  return {
    metrics,
    page: createMetricsPage({
      ...{ metrics, labelOf, clock, stateFolder },
      backlog: () => readBacklog(postgres.pool),
      pool: () => poolState(postgres),
      disk: isWorker ? createDisk({ stateFolder, engineHost }) : null,
    }),
    requests: countRequests(metrics),
    forgeQuestions: countForgeQuestions(metrics),
    reports: countReports(metrics),
    deliveries: allDeliveryObservers(
      [countDeliveries(metrics), ...(tracing === null ? [] : [tracing.deliveries])],
      report,
    ),
    async builds(buildId) {
      return allBuildObservers(tracing === null ? always : [...always, await tracing.build(buildId)], report);
    },
    async close() {
      await notifying?.stop();
      await tracing?.close();
    },
  };
}

function poolState({ pool }: OpenPostgres): ReturnType<Parameters<typeof createMetricsPage>[0]["pool"]> {
  const { totalCount: total, idleCount: idle, waitingCount: waiting, options } = pool;
  return { total, idle, waiting, max: options.max ?? 0 };
}
