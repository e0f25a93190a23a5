// What the metrics hear of reports.

import type { Metrics } from "./adapters/metrics/registry.ts";
import type { ReportEvent } from "./flows/report.ts";

export function countReports({ reports, systemErrors }: Metrics): (event: ReportEvent) => void {
  return (event) => {
    if (event.kind === "trouble") systemErrors.inc({ cicd_system_component: "reporter", error_type: "database" });
    else if (event.kind === "given_up") reports.inc({ kind: "", outcome: event.kind }, event.count);
    else reports.inc({ kind: event.due.kind, outcome: event.kind });
  };
}
