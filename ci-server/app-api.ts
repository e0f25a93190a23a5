// Puts the API together: what it shows, who may ask, and what it says of the system.

import path from "node:path";
import type Koa from "koa";
import { systemClock } from "./adapters/clock.ts";
import { createDisk } from "./adapters/disk.ts";
import type { Signer } from "./adapters/dsse.ts";
import { createAccounts } from "./adapters/postgres/accounts.ts";
import { createActivity } from "./adapters/postgres/activity.ts";
import { createCatalogue } from "./adapters/postgres/catalogue.ts";
import { createNotificationStore } from "./adapters/postgres/notifications.ts";
import { createReconcileStore } from "./adapters/postgres/reconcile.ts";
import { findTunnel } from "./adapters/tunnel.ts";
import { gitVersion } from "./adapters/versions.ts";
import type { Opened } from "./app-opened.ts";
import type { IntakeSecrets } from "./app-secrets.ts";
import type { Config } from "./config.ts";
import type { SystemFacts } from "./core/warnings.ts";
import type { Pruning } from "./flows/pruning.ts";
import { reconcileWarnings } from "./flows/reconcile-warnings.ts";
import { makeToken } from "./http/access-token.ts";
import { type ApiLimits, createApiApp, createHealthApp, type HealthOptions } from "./http/api.ts";
import { createAuthentication } from "./http/auth.ts";
import type { DeliveryOptions } from "./http/deliveries.ts";
import type { Hosts } from "./http/hosts.ts";
import type { LiveParts } from "./http/live.ts";
import { RateLimit } from "./http/rate-limit.ts";
import type { SystemAbout, SystemParts } from "./http/system.ts";
import { version } from "./version.ts";

export interface ApiNeeds {
  readonly secrets: IntakeSecrets;
  readonly delivery: DeliveryOptions;
  readonly pruning: Pruning | null;
  readonly signer: Signer | null;
  /** PEM; null where it is a public authority's, or not known here. */
  readonly registryCa: string | null;
  readonly webhookUrl: () => string | null;
  readonly live: LiveParts;
}

export function openApi(opened: Opened, needs: ApiNeeds): Koa {
  const { config, log, checks, postgres } = opened;
  const { secrets, delivery, pruning, signer, registryCa, webhookUrl, live } = needs;
  const reconcile = createReconcileStore(postgres.pool);
  return createApiApp({
    ...{ ...delivery, ...secrets, pruning, checks, registryCa, webhookUrl, live, log },
    ...watchedBy(opened),
    accounts: createAccounts(postgres.pool),
    notifications: createNotificationStore(postgres.pool),
    activity: createActivity(postgres.pool),
    reconcile,
    system: toSystem(opened, registryCa),
    attestationKey: signer?.publicKey.pem ?? null,
    hosts: toHosts(config),
    limits: toApiLimits(config),
  });
}

/** Of a process that has no API: whether it is well, and its metrics. */
export function openHealth(opened: Opened): Koa {
  const { config, log, checks, postgres } = opened;
  // One that was not told the token knows those that were made.
  const adminToken = config.adminToken ?? makeToken("md").token;
  const authentication = createAuthentication({ accounts: createAccounts(postgres.pool), adminToken });
  const { requestsPerMinuteMax } = toApiLimits(config);
  const requests = new RateLimit("limits.api_requests_per_minute_max", requestsPerMinuteMax);
  const options = { checks, hosts: toHosts(config), log, ...watchedBy(opened) };
  return createHealthApp(options, authentication.authenticate(requests));
}

function watchedBy({ config, observing }: Opened): Pick<HealthOptions, "observe" | "metrics"> {
  const { metricsAreOpen: isOpen } = config.observing;
  return { observe: observing.requests, metrics: { isOpen, page: observing.page } };
}

function toHosts({ listen }: Config): Hosts {
  return { own: listen.api.host, allowed: listen.hosts.map((host) => host.toLowerCase()) };
}

function toApiLimits({ limits }: Config): ApiLimits {
  return {
    requestsPerMinuteMax: limits.api_requests_per_minute_max,
    failedLoginsPerMinuteMax: limits.failed_logins_per_minute_max,
    sessionDaysMax: limits.session_days_max,
    sessionsPerTokenMax: limits.sessions_per_token_max,
    tokensMax: limits.tokens_max,
    auditEntriesMax: limits.audit_entries_max,
  };
}

function toSystem({ config, checks, postgres }: Opened, registryCa: string | null): SystemParts {
  const { stateFolder, engineHost, tunnelAgentUrl } = config;
  return {
    catalogue: createCatalogue(postgres.pool),
    checks,
    disk: createDisk({ stateFolder, engineHost }),
    payloadUrl: async (signal) => {
      const url = await findTunnel(tunnelAgentUrl, signal).catch(() => null);
      return url === null ? null : `${url}/webhooks/github`;
    },
    gitVersion,
    problems: () => reconcileWarnings(createReconcileStore(postgres.pool), config.repositories),
    about: toAbout(config, registryCa),
    now: systemClock.now,
  };
}

function toAbout(config: Config, registryCa: string | null): SystemAbout {
  return {
    ...{ version, nodeVersion: process.versions.node, role: config.role, startedAt: systemClock.now() },
    facts: toFacts(config),
    webhookSecretFile: config.webhookSecrets === null ? path.join(config.stateFolder, "secrets/webhook-secret") : null,
    caUrl: registryCa === null ? null : "/api/v1/ca.crt",
  };
}

function toFacts(config: Config): Omit<SystemFacts, "engineVersion"> {
  return {
    attestationsEnabled: config.attestations.enabled,
    keepLast: config.retention.keepLast,
    freeBytesMin: config.limits.free_bytes_min,
    apiHost: config.listen.api.host,
    pushHost: config.registry.pushHost,
    engineHost: config.engineHost,
    repositories: config.repositories.length,
    plainUrls: config.repositories.map(({ url }) => url).filter((url) => url.startsWith("http:")),
  };
}
