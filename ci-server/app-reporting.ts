// Puts the telling of forges together: whom it asks, and what the log and the metrics hear of it.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import type { Metrics } from "./adapters/metrics/registry.ts";
import { createReportStore } from "./adapters/postgres/reports.ts";
import { openForges } from "./app-forges.ts";
import type { NotifyingNeeds } from "./app-notifying.ts";
import { type ReportEvent, startReporting } from "./flows/report.ts";

/** Begins now; returns how to stop. To be called where the repositories' access files are: in a process that builds. */
export function openReporting({ config, log, postgres, metrics }: NotifyingNeeds): () => Promise<void> {
  const { limits, repositories } = config;
  return startReporting({
    store: createReportStore(postgres.pool),
    clock: systemClock,
    repositories,
    forgeOf: openForges(),
    publicUrl: config.observing.publicUrl,
    limits: { hoursMax: limits.report_hours_max, secondsMax: limits.report_seconds_max },
    changed: (ms, signal) => postgres.activityChanges.changed(ms, signal),
    report(event) {
      count(metrics, event);
      write(log, event);
    },
  });
}

function count({ reports, systemErrors }: Metrics, event: ReportEvent): void {
  if (event.kind === "trouble") systemErrors.inc({ cicd_system_component: "reporter", error_type: "database" });
  else if (event.kind === "given_up") reports.inc({ kind: "", outcome: event.kind }, event.count);
  else reports.inc({ kind: event.due.kind, outcome: event.kind });
}

function write(log: Logger, event: ReportEvent): void {
  if (event.kind === "trouble") {
    log.warn({ err: event.error }, "reports could not be looked at");
    return;
  }
  if (event.kind === "given_up") {
    log.warn({ count: event.count }, "reports were given up for their age");
    return;
  }
  const { buildId, kind, attempts } = event.due;
  const fields = { buildId, report: kind, repository: event.repository, attempts };
  if (event.kind === "told") log.debug(fields, "the forge was told");
  else if (event.kind === "retried")
    log.info({ ...fields, problem: event.problem }, "the forge was not told, it is tried again");
  else log.warn({ ...fields, problem: event.problem }, "the forge refuses to be told, it is tried again later");
}
