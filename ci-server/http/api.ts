// The listener for people and programs of the operator: health, and /api/v1 behind the admin token; of a worker, health alone.

import type Koa from "koa";
import type { Logger } from "pino";
import type { NotificationStore, RequestObserver } from "../core/ports.ts";
import type { Pruning } from "../flows/pruning.ts";
import { attestationKeyRoutes } from "./attestation-key.ts";
import { requireToken } from "./auth.ts";
import { buildRoutes } from "./builds.ts";
import { type DeliveryOptions, deliveryRoutes } from "./deliveries.ts";
import { type Check, healthRoutes } from "./health.ts";
import { imageRoutes } from "./images.ts";
import { type MetricsOptions, metricsRoutes } from "./metrics.ts";
import { notificationRoutes } from "./notifications.ts";
import { pruneRoutes } from "./prune.ts";
import { rebuildRoutes } from "./rebuild.ts";
import { schemaRoutes } from "./schemas.ts";
import { createKoa } from "./server.ts";

export interface HealthOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly log: Logger;
  readonly observe: RequestObserver;
  readonly metrics: MetricsOptions;
}

export interface ApiOptions extends DeliveryOptions, HealthOptions {
  /** Null: of a process that only receives. */
  readonly pruning: Pick<Pruning, "prune"> | null;
  readonly adminToken: string;
  /** PEM; null where this process does not know it. */
  readonly attestationKey: string | null;
  readonly notifications: Pick<NotificationStore, "list">;
}

export function createHealthApp({ checks, log, observe, metrics }: HealthOptions): Koa {
  const app = createKoa({ log, listener: "api", observe });
  app.use(healthRoutes(checks).routes());
  app.use(metricsRoutes(metrics).routes());
  return app;
}

export function createApiApp(options: ApiOptions): Koa {
  const app = createHealthApp(options);
  app.use(schemaRoutes().routes());
  app.use(attestationKeyRoutes(options.attestationKey).routes());
  app.use(requireToken(options.adminToken));
  const routers = [
    buildRoutes(options.store),
    rebuildRoutes(options),
    imageRoutes(options),
    deliveryRoutes(options),
    pruneRoutes(options.pruning),
    notificationRoutes(options.notifications),
  ];
  for (const router of routers) {
    app.use(router.routes());
    app.use(router.allowedMethods());
  }
  return app;
}
