// Puts the API together: what it shows, who may ask, and what it says of the system.

import type Koa from "koa";
import { systemClock } from "./adapters/clock.ts";
import { createDisk } from "./adapters/disk.ts";
import type { Signer } from "./adapters/dsse.ts";
import { createAccounts } from "./adapters/postgres/accounts.ts";
import { createActivity } from "./adapters/postgres/activity.ts";
import { createCatalogue } from "./adapters/postgres/catalogue.ts";
import { createForgeHealthStore } from "./adapters/postgres/forge-health.ts";
import { createNotificationStore } from "./adapters/postgres/notifications.ts";
import { createReconcileStore } from "./adapters/postgres/reconcile.ts";
import { createReportStore } from "./adapters/postgres/reports.ts";
import { gitVersion } from "./adapters/versions.ts";
import { openAppParts } from "./app-github-app.ts";
import { secretFile } from "./app-hooks.ts";
import type { Opened } from "./app-opened.ts";
import type { IntakeSecrets } from "./app-secrets.ts";
import type { Config } from "./config.ts";
import { forgesOf, isAskable } from "./core/forge-settings.ts";
import { wantedOfAny } from "./core/hook.ts";
import type { Tunnel } from "./core/ports.ts";
import { commandsUnasked } from "./core/warnings.ts";
import type { Pruning } from "./flows/pruning.ts";
import { reconcileWarnings } from "./flows/reconcile-warnings.ts";
import type { RotateParts } from "./flows/rotate-secret.ts";
import { makeToken } from "./http/access-token.ts";
import { type ApiLimits, createApiApp, createHealthApp, type HealthOptions } from "./http/api.ts";
import { createAuthentication } from "./http/auth.ts";
import type { DeliveryOptions } from "./http/deliveries.ts";
import type { Hosts } from "./http/hosts.ts";
import type { LiveParts } from "./http/live.ts";
import { RateLimit } from "./http/rate-limit.ts";
import type { SystemAbout, SystemParts } from "./http/system.ts";
import { version } from "./version.ts";

/** Of what could not be told to forges, in which it is warned of. */
const failingHours = 24;

export interface ApiNeeds {
  readonly secrets: IntakeSecrets;
  readonly delivery: DeliveryOptions;
  readonly pruning: Pruning | null;
  readonly signer: Signer | null;
  /** PEM; null where it is a public authority's, or not known here. */
  readonly registryCa: string | null;
  readonly webhookUrl: () => string | null;
  readonly tunnel: Tunnel;
  readonly live: LiveParts;
  readonly hooks: RotateParts;
}

export function openApi(opened: Opened, needs: ApiNeeds): Koa {
  const { config, log, checks, postgres } = opened;
  const { delivery, pruning, signer, registryCa, webhookUrl, live, hooks } = needs;
  const stopping = new AbortController();
  // After the listener's own: who asked has had a moment to be answered.
  opened.closers.push(async () => stopping.abort());
  const reconcile = createReconcileStore(postgres.pool);
  return createApiApp({
    ...{ ...delivery, hooks, adminToken: needs.secrets.adminToken, pruning, checks, registryCa, webhookUrl, live, log },
    ...watchedBy(opened),
    accounts: createAccounts(postgres.pool),
    notifications: createNotificationStore(postgres.pool),
    reports: createReportStore(postgres.pool),
    activity: createActivity(postgres.pool),
    reconcile,
    appMaking: openAppParts(opened, hooks.payloadUrl),
    system: toSystem(opened, needs),
    attestationKey: signer?.publicKey.pem ?? null,
    hosts: toHosts(config),
    limits: toApiLimits(config),
    hookPingMsMax: config.limits.hook_ping_seconds_max * 1_000,
    stopping: stopping.signal,
    overlapHours: config.limits.secret_overlap_hours_max,
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

function toSystem({ config, checks, postgres }: Opened, { registryCa, tunnel }: ApiNeeds): SystemParts {
  const { stateFolder, engineHost } = config;
  return {
    catalogue: createCatalogue(postgres.pool),
    checks,
    disk: createDisk({ stateFolder, engineHost }),
    failingReports: async () => {
      const found = await createReportStore(postgres.pool).failing(failingHours);
      return found === null ? null : { ...found.newest, count: found.count, problem: found.newest.problem ?? "" };
    },
    forgeHealth: createForgeHealthStore(postgres.pool),
    tunnel: tunnel.look,
    forges: forgesOf(config.repositories),
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
    webhookSecretFile: config.webhookSecrets === null ? secretFile(config) : null,
    events: wantedOfAny(config.repositories),
    caUrl: registryCa === null ? null : "/api/v1/ca.crt",
  };
}

function toFacts(config: Config): SystemAbout["facts"] {
  return {
    attestationsEnabled: config.attestations.enabled,
    keepLast: config.retention.keepLast,
    freeBytesMin: config.limits.free_bytes_min,
    apiHost: config.listen.api.host,
    pushHost: config.registry.pushHost,
    engineHost: config.engineHost,
    repositories: config.repositories.length,
    reportsLackLinks: lacksLinks(config),
    plainUrls: config.repositories.map(({ url }) => url).filter((url) => url.startsWith("http:")),
    commandsUnasked: commandsUnasked(config.repositories),
  };
}

/** A link to nowhere is worse than none: without the address there are none. */
function lacksLinks({ observing, repositories }: Config): boolean {
  const isTold = repositories.some(
    (one) => (one.report.status || one.report.check || one.report.comment) && isAskable(one),
  );
  return isTold && observing.publicUrl === null;
}
