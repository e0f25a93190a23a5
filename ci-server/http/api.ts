// The listener for people and programs of the operator: health, and /api/v1 behind the admin token; of a worker, health alone.

import type Koa from "koa";
import type { Logger } from "pino";
import type { Pruning } from "../flows/pruning.ts";
import { attestationKeyRoutes } from "./attestation-key.ts";
import { requireToken } from "./auth.ts";
import { buildRoutes } from "./builds.ts";
import { type DeliveryOptions, deliveryRoutes } from "./deliveries.ts";
import { type Check, healthRoutes } from "./health.ts";
import { imageRoutes } from "./images.ts";
import { pruneRoutes } from "./prune.ts";
import { rebuildRoutes } from "./rebuild.ts";
import { schemaRoutes } from "./schemas.ts";
import { createKoa } from "./server.ts";

export interface ApiOptions extends DeliveryOptions {
  /** Null: of a process that only receives. */
  readonly pruning: Pick<Pruning, "prune"> | null;
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
  app.use(schemaRoutes().routes());
  app.use(attestationKeyRoutes(options.attestationKey).routes());
  app.use(requireToken(options.adminToken));
  const routers = [
    buildRoutes(options.store),
    rebuildRoutes(options),
    imageRoutes(options),
    deliveryRoutes(options),
    pruneRoutes(options.pruning),
  ];
  for (const router of routers) {
    app.use(router.routes());
    app.use(router.allowedMethods());
  }
  return app;
}
