// The listener for people and programs of the operator: health, and /api/v1 behind the admin token; of a worker, health alone.

import type Koa from "koa";
import type { Logger } from "pino";
import { attestationKeyRoutes } from "./attestation-key.ts";
import { requireToken } from "./auth.ts";
import { buildRoutes } from "./builds.ts";
import { type DeliveryOptions, deliveryRoutes } from "./deliveries.ts";
import { type Check, healthRoutes } from "./health.ts";
import { imageRoutes } from "./images.ts";
import { createKoa } from "./server.ts";

export interface ApiOptions extends DeliveryOptions {
  readonly checks: Readonly<Record<string, Check>>;
  readonly adminToken: string;
  /** PEM; null where this process does not know it. */
  readonly attestationKey: string | null;
  readonly log: Logger;
}

export function createHealthApp(checks: ApiOptions["checks"], log: Logger): Koa {
  const app = createKoa(log);
  app.use(healthRoutes(checks).routes());
  return app;
}

export function createApiApp(options: ApiOptions): Koa {
  const app = createHealthApp(options.checks, options.log);
  app.use(attestationKeyRoutes(options.attestationKey).routes());
  app.use(requireToken(options.adminToken));
  for (const router of [buildRoutes(options.store), imageRoutes(options), deliveryRoutes(options)]) {
    app.use(router.routes());
    app.use(router.allowedMethods());
  }
  return app;
}
