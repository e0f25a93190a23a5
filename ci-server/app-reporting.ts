// Puts the telling of forges together: whom it asks, and what the log and the metrics hear of it.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createReportStore } from "./adapters/postgres/reports.ts";
import type { Opened } from "./app-opened.ts";
import { type ReportEvent, startReporting } from "./flows/report.ts";

/** Notes how to stop it in `closers`. To be called where the repositories' access files are: in a process that builds. */
export function openReporting({ config, log, postgres, observing, forges, closers }: Opened): void {
  const { limits, repositories } = config;
  const stop = startReporting({
    store: createReportStore(postgres.pool),
    clock: systemClock,
    repositories,
    forgeOf: forges.of,
    publicUrl: config.observing.publicUrl,
    limits: { hoursMax: limits.report_hours_max, secondsMax: limits.report_seconds_max },
    changed: (ms, signal) => postgres.activityChanges.changed(ms, signal),
    report(event) {
      observing.reports(event);
      write(log, event);
    },
  });
  closers.push(stop);
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
