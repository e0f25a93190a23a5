// What /metrics shows, in one place: every metric with its labels and their limits. Names are those of OpenTelemetry's semantic
// conventions (CI/CD, HTTP, database) as Prometheus spells them; what these do not have is called mergedock_*.
// Source: opentelemetry.io/docs/specs/semconv/cicd/cicd-metrics, prometheus.io/docs/practices/naming.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

const buildSeconds = [1, 2.5, 5, 10, 20, 40, 60, 120, 300, 600, 1_200, 1_800, 3_600];
const stageSeconds = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 1_800];
// OpenTelemetry's advice for http.server.request.duration.
const requestSeconds = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

export type Metrics = ReturnType<typeof createMetrics>;

/** Of one process. `build` and the like count what this process does; `queue` is of the whole installation. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter<L>({ name, help, labelNames: [...labelNames], registers });
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge<L>({ name, help, labelNames: [...labelNames], registers });
  const histogram = <L extends string>(name: string, help: string, labelNames: readonly L[], buckets: number[]) =>
    new Histogram<L>({ name, help, labelNames: [...labelNames], buckets, registers });
  return {
    registry,
    info: gauge("mergedock_build_info", "Always 1: version and role of this process.", ["version", "role"]),
    ...ofBuilds(counter, histogram),
    ...ofInstallation(gauge),
    ...ofProcess(counter, gauge, histogram),
  };
}

type MakeCounter = <L extends string>(name: string, help: string, labels: readonly L[]) => Counter<L>;
type MakeGauge = <L extends string>(name: string, help: string, labels: readonly L[]) => Gauge<L>;
type MakeHistogram = <L extends string>(
  name: string,
  help: string,
  labels: readonly L[],
  buckets: number[],
) => Histogram<L>;

function ofBuilds(counter: MakeCounter, histogram: MakeHistogram) {
  return {
    runSeconds: histogram(
      "cicd_pipeline_run_duration_seconds",
      "Time that builds which ended in this process took, by state: pending (in the queue), executing.",
      ["cicd_pipeline_name", "cicd_pipeline_run_state", "cicd_pipeline_result", "error_type"],
      buildSeconds,
    ),
    runErrors: counter("cicd_pipeline_run_errors_total", "Builds that failed in this process, by kind of failure.", [
      "cicd_pipeline_name",
      "error_type",
    ]),
    systemErrors: counter(
      "cicd_system_errors_total",
      "Trouble of the server's own: attempts given back, notifications not sent, spans not exported.",
      ["cicd_system_component", "error_type"],
    ),
    stageSeconds: histogram(
      "mergedock_stage_duration_seconds",
      "Time that stages took in this process.",
      ["stage", "result"],
      stageSeconds,
    ),
    images: counter(
      "mergedock_images_total",
      "Images of builds that ended in this process: built, or reused from an earlier build.",
      ["outcome"],
    ),
    pushedBytes: counter(
      "mergedock_image_pushed_bytes_total",
      "Compressed size of the images that were built and pushed; layers that the registry had count too.",
      [],
    ),
    steps: counter("mergedock_build_steps_total", "Dockerfile steps, by whether the build cache had them.", ["cached"]),
    droppedLines: counter("mergedock_log_lines_dropped_total", "Lines of builds' logs beyond their limit.", []),
  };
}

function ofInstallation(gauge: MakeGauge) {
  return {
    active: gauge(
      "cicd_pipeline_run_active",
      "Builds that have not ended, of all processes: take the max, not the sum.",
      ["cicd_pipeline_name", "cicd_pipeline_run_state"],
    ),
    queueDepth: gauge(
      "mergedock_queue_depth",
      "Builds that wait to be begun, of all processes: take the max, not the sum.",
      [],
    ),
    queueAge: gauge(
      "mergedock_queue_oldest_age_seconds",
      "Age of the build that has waited longest, 0 without one; of all processes.",
      [],
    ),
    notificationsOpen: gauge(
      "mergedock_notifications",
      "Notifications that are not sent, by state: pending, failed; of all processes.",
      ["state"],
    ),
  };
}

function ofProcess(counter: MakeCounter, gauge: MakeGauge, histogram: MakeHistogram) {
  return {
    workers: gauge("cicd_worker_count", "Builds that this process can run at once, by state: available, busy.", [
      "cicd_worker_state",
    ]),
    deliveries: counter(
      "mergedock_deliveries_total",
      "Deliveries that this process took: build, skip, duplicate, refused.",
      ["forge", "verdict"],
    ),
    reconciled: counter(
      "mergedock_reconciled_total",
      "What had not arrived and this process took, by way: deliveries of the hook (api), merges of a branch (git).",
      ["way", "verdict"],
    ),
    notifications: counter(
      "mergedock_notifications_sent_total",
      "Attempts of this process to send a notification, by outcome: sent, retried, failed.",
      ["channel", "outcome"],
    ),
    reports: counter(
      "mergedock_reports_total",
      "Attempts of this process to tell a forge of a build: told, retried, refused; and those that were given_up.",
      ["kind", "outcome"],
    ),
    forgeRequests: counter(
      "mergedock_forge_requests_total",
      "Questions of this process to a forge's API: ok, refused, rate_limited, unavailable; held: not asked, to leave it alone.",
      ["forge", "api", "outcome"],
    ),
    forgeAllowance: gauge(
      "mergedock_forge_rate_limit_remaining",
      "Questions that the forge's API still takes in its current period, as it last said to this process.",
      ["forge", "api"],
    ),
    requestSeconds: histogram(
      "http_server_request_duration_seconds",
      "Time to answer a request, until the answer was sent. The route is the pattern, never the path.",
      ["listener", "http_request_method", "http_route", "http_response_status_code"],
      requestSeconds,
    ),
    connections: gauge(
      "db_client_connection_count",
      "Connections of this process to the database, by state: idle, used.",
      ["db_client_connection_state"],
    ),
    connectionsWaiting: gauge(
      "db_client_connection_pending_requests",
      "Requests of this process that wait for a database connection.",
      [],
    ),
    connectionsMax: gauge(
      "db_client_connection_max",
      "Database connections that this process may open for its statements.",
      [],
    ),
    diskFree: gauge(
      "mergedock_disk_free_bytes",
      "Free bytes where this process's builds write: its state folder, the engine's folder.",
      ["place"],
    ),
  };
}

let ofNode: Registry | null = null;

/**
 * Memory, event loop, collector: of the process and not of a server in it, so there is one for all. Made when somebody asks
 * for it first, since measuring the event loop has its price.
 */
export function nodeMetrics(): Registry {
  if (ofNode === null) {
    ofNode = new Registry();
    collectDefaultMetrics({ register: ofNode });
  }
  return ofNode;
}
