// The listener for people and programs of the operator: health, and /api/v1 behind a token or a session; of a worker, health alone.

import type Koa from "koa";
import type { Middleware } from "koa";
import type { Logger } from "pino";
import type { Accounts, Activity, NotificationStore, ReportStore, RequestObserver } from "../core/ports.ts";
import type { AppParts } from "../flows/make-app.ts";
import type { Pruning } from "../flows/pruning.ts";
import { activityRoutes } from "./activity.ts";
import { attestationKeyRoutes } from "./attestation-key.ts";
import { auditing, auditRoutes } from "./audit.ts";
import { type Authentication, createAuthentication, requireRole } from "./auth.ts";
import { buildRoutes } from "./builds.ts";
import { dashboardRoutes } from "./dashboard.ts";
import { type DeliveryOptions, deliveryRoutes } from "./deliveries.ts";
import { entityTags } from "./etag.ts";
import { type Check, healthRoutes } from "./health.ts";
import { type HookRouteParts, hookRoutes } from "./hooks.ts";
import { type Hosts, onlyFor } from "./hosts.ts";
import { imageRoutes } from "./images.ts";
import { type LiveParts, liveRoutes } from "./live.ts";
import { type MetricsOptions, metricsRoutes } from "./metrics.ts";
import { notificationRoutes } from "./notifications.ts";
import { pruneRoutes } from "./prune.ts";
import { RateLimit } from "./rate-limit.ts";
import { rebuildRoutes } from "./rebuild.ts";
import { type ReconcileOptions, reconcileRoutes } from "./reconcile.ts";
import { referenceRoutes } from "./reference.ts";
import { registryCaRoutes } from "./registry-ca.ts";
import { registryImageRoutes } from "./registry-images.ts";
import { reportRoutes } from "./reports.ts";
import { repositoryRoutes } from "./repositories.ts";
import { requireSameOrigin } from "./same-origin.ts";
import { schemaRoutes } from "./schemas.ts";
import { securityHeaders } from "./security.ts";
import { createKoa } from "./server.ts";
import { sessionRoutes, signInRoutes } from "./session.ts";
import { type SetupParts, setupRoutes } from "./setup.ts";
import { setupAppRoutes } from "./setup-app.ts";
import { type SystemParts, systemRoutes } from "./system.ts";
import { tokenRoutes } from "./tokens.ts";

export interface HealthOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly hosts: Hosts;
  readonly log: Logger;
  readonly observe: RequestObserver;
  readonly metrics: MetricsOptions;
}

export interface ApiLimits {
  readonly requestsPerMinuteMax: number;
  readonly failedLoginsPerMinuteMax: number;
  readonly sessionDaysMax: number;
  readonly sessionsPerTokenMax: number;
  readonly tokensMax: number;
  readonly auditEntriesMax: number;
}

export interface ApiOptions
  extends HealthOptions,
    DeliveryOptions,
    HookRouteParts,
    ReconcileOptions,
    Omit<SetupParts, "secrets"> {
  readonly accounts: Accounts;
  readonly activity: Activity;
  readonly system: SystemParts;
  readonly live: LiveParts;
  /** Null: of a process that only receives. */
  readonly pruning: Pick<Pruning, "prune"> | null;
  readonly adminToken: string;
  readonly appMaking: AppParts;
  /** PEM; null where this process does not know it. */
  readonly attestationKey: string | null;
  /** PEM; null where it is a public authority's, or not known. */
  readonly registryCa: string | null;
  readonly notifications: Pick<NotificationStore, "list">;
  readonly reports: Pick<ReportStore, "list" | "ofBuild">;
  readonly limits: ApiLimits;
}

/** `authenticate`: lets those pass who may look at the metrics. */
export function createHealthApp(
  { checks, hosts, log, observe, metrics }: HealthOptions,
  authenticate: Middleware,
): Koa {
  const app = createKoa({ log, listener: "api", observe });
  app.use(securityHeaders());
  app.use(onlyFor(hosts));
  app.use(healthRoutes(checks).routes());
  app.use(metricsRoutes(metrics, authenticate).routes());
  return app;
}

export function createApiApp(options: ApiOptions): Koa {
  const { accounts, limits } = options;
  const authentication = createAuthentication(options);
  const authenticate = authentication.authenticate(
    new RateLimit("limits.api_requests_per_minute_max", limits.requestsPerMinuteMax),
  );
  const app = createHealthApp(options, authenticate);
  app.use(entityTags());
  app.use(dashboardRoutes({ formHosts: options.appMaking.hosts }).routes());
  app.use(schemaRoutes().routes());
  app.use(attestationKeyRoutes(options.attestationKey).routes());
  app.use(registryCaRoutes(options.registryCa).routes());
  app.use(referenceRoutes(options.system.about.version).routes());
  const failedLogins = new RateLimit("limits.failed_logins_per_minute_max", limits.failedLoginsPerMinuteMax);
  app.use(signInRoutes({ ...limits, accounts, authentication, failedLogins }).routes());
  app.use(authenticate);
  app.use(requireSameOrigin());
  app.use(requireRole());
  app.use(auditing({ accounts, auditEntriesMax: limits.auditEntriesMax }));
  for (const router of routersOf(options, authentication)) {
    app.use(router.routes());
    app.use(router.allowedMethods());
  }
  return app;
}

/** Each behind a token. */
function routersOf(options: ApiOptions, { knows }: Authentication) {
  const { accounts, activity, system, limits } = options;
  const { catalogue } = system;
  return [
    activityRoutes(activity),
    buildRoutes({ ...options, ...options.live, catalogue, knows }),
    liveRoutes({ ...options, ...options.live, catalogue, knows }),
    rebuildRoutes(options),
    registryImageRoutes(catalogue),
    imageRoutes(options),
    deliveryRoutes(options),
    reconcileRoutes(options),
    repositoryRoutes({ ...options, catalogue }),
    systemRoutes(system),
    setupRoutes({ ...options, secrets: options.hooks.secrets }),
    setupAppRoutes(options.appMaking),
    hookRoutes(options),
    pruneRoutes(options.pruning),
    sessionRoutes(accounts),
    tokenRoutes({ accounts, tokensMax: limits.tokensMax }),
    auditRoutes({ accounts, auditEntriesMax: limits.auditEntriesMax }),
    notificationRoutes(options.notifications),
    reportRoutes(options.reports),
  ];
}
