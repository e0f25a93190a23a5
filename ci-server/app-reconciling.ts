// Puts together who looks for what did not arrive, and what the log and the metrics hear of it.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import type { Metrics } from "./adapters/metrics/registry.ts";
import { createReconcileStore } from "./adapters/postgres/reconcile.ts";
import { openWebhooks } from "./app-forges.ts";
import type { Opened } from "./app-opened.ts";
import type { GitHistory } from "./core/ports.ts";
import { type ReconcileEvent, startReconciling } from "./flows/reconcile.ts";

/** Begins now; returns how to stop. */
export function startReconcile(
  { config, log, postgres, observing, forges }: Opened,
  git: GitHistory,
): () => Promise<void> {
  const { limits, repositories } = config;
  return startReconciling({
    ...{ store: postgres.store, state: createReconcileStore(postgres.pool), clock: systemClock, git, repositories },
    forgeOf: forges.of,
    // They read what came by the API, and verify nothing.
    readers: openWebhooks(() => []),
    everySeconds: config.reconcileSeconds,
    secondsMax: limits.reconcile_seconds_max,
    daysMax: limits.reconcile_days_max,
    deliveriesMax: limits.reconcile_deliveries_max,
    commitsMax: limits.reconcile_commits_max,
    graceSeconds: limits.reconcile_grace_seconds,
    bodyBytesMax: limits.body_bytes_max,
    report(event) {
      count(observing.metrics, event);
      write(log, event);
    },
  });
}

function count({ reconciled, systemErrors }: Metrics, event: ReconcileEvent): void {
  if (event.kind === "trouble") systemErrors.inc({ cicd_system_component: "reconciler", error_type: "database" });
  if (event.kind === "problem") systemErrors.inc({ cicd_system_component: "reconciler", error_type: "forge" });
  if (event.kind !== "looked") return;
  for (const { verdict } of event.look.taken) reconciled.inc({ way: event.look.way, verdict });
}

function write(log: Logger, event: ReconcileEvent): void {
  if (event.kind === "trouble") {
    log.warn({ err: event.error }, "what did not arrive cannot be looked for");
    return;
  }
  const { repository } = event;
  if (event.kind === "problem") {
    log.warn({ repository, problem: event.problem }, "what did not arrive could not be looked for in full");
    return;
  }
  const { way, taken, askedAgain, pushed } = event.look;
  const builds = taken.filter(({ verdict }) => verdict === "build").length;
  const fields = { repository, way, found: taken.length, builds };
  if (taken.length > 0 && way === "api") log.info(fields, "reconciled: deliveries that had not arrived");
  else if (taken.length > 0) log.info(fields, "reconciled: merges that nobody told of");
  else log.debug(fields, "nothing was missed");
  if (askedAgain > 0) log.info({ repository, count: askedAgain }, "deliveries were asked for again");
  if (pushed > 0) log.warn({ repository, commits: pushed }, "commits came by no pull request that can be recognised");
}
