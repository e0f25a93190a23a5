// Counts what the program does: builds, deliveries, requests. Every label has a bounded number of values, whoever sends what.

import type { BuildObserver, Clock, DeliveryObserver, RequestObserver } from "../../core/ports.ts";
import type { GateObserver } from "../forge-gate-parts.ts";
import type { Metrics } from "./registry.ts";
import type { RepositoryLabel } from "./repository-label.ts";

/** Source: OpenTelemetry, http.request.method: any other is `_OTHER`. */
const knownMethods = new Set(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"]);

export function countRequests({ requestSeconds }: Metrics): RequestObserver {
  return ({ listener, method, route, status, ms }) => {
    const labels = {
      listener,
      http_request_method: knownMethods.has(method) ? method : "_OTHER",
      http_route: route ?? "",
      http_response_status_code: String(status),
    };
    requestSeconds.observe(labels, ms / 1000);
  };
}

export function countDeliveries({ deliveries }: Metrics): DeliveryObserver {
  return {
    received: () => ({
      traceparent: null,
      ended: () => undefined,
      stored: ({ forge, verdict }) => deliveries.inc({ forge, verdict }),
      refused: (forge) => deliveries.inc({ forge, verdict: "refused" }),
    }),
  };
}

export function countForgeQuestions(metrics: Metrics): Pick<GateObserver, "asked" | "allowed"> {
  return {
    asked: ({ forge, apiUrl }, outcome) => metrics.forgeRequests.inc({ forge, api: new URL(apiUrl).host, outcome }),
    allowed: ({ forge, apiUrl }, remaining) =>
      metrics.forgeAllowance.set({ forge, api: new URL(apiUrl).host }, remaining),
  };
}

export interface BuildCounting {
  readonly metrics: Metrics;
  readonly labelOf: RepositoryLabel;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** Builds at once in this process. */
  readonly workers: number;
}

export function countBuilds({ metrics, labelOf, clock, workers }: BuildCounting): BuildObserver {
  let busy = 0;
  const work = (change: number) => {
    busy += change;
    metrics.workers.set({ cicd_worker_state: "busy" }, busy);
    metrics.workers.set({ cicd_worker_state: "available" }, workers - busy);
  };
  work(0);
  return {
    begun({ repository, createdAt, startedAt }, { attempt }) {
      const startedMs = clock.monotonicMs();
      const cicd_pipeline_name = labelOf(repository);
      const run = { cicd_pipeline_name, cicd_pipeline_result: "", error_type: "" };
      work(1);
      if (attempt === 1 && startedAt !== null) {
        const waitedMs = startedAt.getTime() - createdAt.getTime();
        metrics.runSeconds.observe({ ...run, cicd_pipeline_run_state: "pending" }, Math.max(0, waitedMs) / 1000);
      }
      return {
        stageStarted: () => undefined,
        stageEnded: ({ stage, result, ms }) => metrics.stageSeconds.observe({ stage, result }, ms / 1000),
        stepsEnded: (_service, steps) => {
          for (const { cached, completedAt } of steps)
            if (completedAt !== null) metrics.steps.inc({ cached: String(cached) });
        },
        ended(end, droppedLines) {
          work(-1);
          metrics.droppedLines.inc(droppedLines);
          if (end === null) {
            metrics.systemErrors.inc({ cicd_system_component: "worker", error_type: "given_back" });
            return;
          }
          const { result, failure, images } = end;
          const error_type = failure?.kind ?? "";
          const ended = { cicd_pipeline_name, cicd_pipeline_result: result, error_type };
          const seconds = (clock.monotonicMs() - startedMs) / 1000;
          metrics.runSeconds.observe({ ...ended, cicd_pipeline_run_state: "executing" }, seconds);
          if (failure !== null) metrics.runErrors.inc({ cicd_pipeline_name, error_type });
          for (const { reusedFrom, bytes } of images) {
            metrics.images.inc({ outcome: reusedFrom === null ? "built" : "reused" });
            if (reusedFrom === null) metrics.pushedBytes.inc(bytes);
          }
        },
      };
    },
  };
}
