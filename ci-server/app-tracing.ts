// Puts traces together, where somebody wants them: what is sent where, and what the log hears of a collector that is away.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import type { Metrics } from "./adapters/metrics/registry.ts";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import { readTrace } from "./adapters/postgres/traces.ts";
import { openExport, type SpanExport } from "./adapters/tracing/exporter.ts";
import { traceBuild } from "./adapters/tracing/trace-builds.ts";
import { traceDeliveries } from "./adapters/tracing/trace-deliveries.ts";
import { readOrMakeWorkerId } from "./app-secrets.ts";
import type { Config } from "./config.ts";
import type { BuildObserver, DeliveryObserver } from "./core/ports.ts";

export interface TracingNeeds {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
  readonly metrics: Metrics;
  /** This program's. */
  readonly version: string;
}

export interface Tracing {
  readonly deliveries: DeliveryObserver;
  /** For the next attempt at the build. Never throws, and asks nobody but the database. */
  build(id: number): Promise<BuildObserver>;
  close(): Promise<void>;
}

/** Null where nobody wants them: then nothing of it is loaded. */
export async function openTracing(needs: TracingNeeds): Promise<Tracing | null> {
  const { config, postgres } = needs;
  const { tracesUrl, publicUrl } = config.observing;
  if (tracesUrl === null) return null;
  const clock = systemClock;
  const worker = await readOrMakeWorkerId(config);
  const exporter = await openExporter(needs, tracesUrl, worker);
  const urls = new Map(config.repositories.map(({ name, url }) => [name.toLowerCase(), url]));
  return {
    deliveries: traceDeliveries(exporter, clock),
    async build(id) {
      // Without the database the build has other troubles, and a trace of its own.
      const earlier = await readTrace(postgres.pool, id).catch(() => ({ traceparent: null, attempts: [] }));
      return traceBuild({ exporter, clock, worker, publicUrl, urls }, earlier);
    },
    close: exporter.close,
  };
}

/** The log hears once when the collector goes, and once when it is back. */
function openExporter(
  { config, log, metrics, version }: TracingNeeds,
  url: string,
  worker: string,
): Promise<SpanExport> {
  let isDown = false;
  return openExport({
    url,
    resource: {
      ...{ "service.name": "mergedock", "service.version": version, "service.instance.id": worker },
      "mergedock.role": config.role,
    },
    report({ spans, problem }) {
      if (problem !== null) metrics.systemErrors.inc({ cicd_system_component: "tracing", error_type: "not_exported" });
      if ((problem !== null) === isDown) return;
      isDown = problem !== null;
      if (isDown) log.warn({ problem, spans }, "traces cannot be sent: those of this time are lost");
      else log.info("traces are sent again");
    },
  });
}
