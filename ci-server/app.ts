// Puts the parts together: createApp(config) opens what its role needs, listens and works; the tests use it as it is.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import type Koa from "koa";
import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { type OpenPostgres, openPostgres } from "./adapters/postgres/open.ts";
import { lockState } from "./adapters/state-lock.ts";
import { type ApiNeeds, openApi, openHealth } from "./app-api.ts";
import { openBuilding, work } from "./app-building.ts";
import { obeyComments } from "./app-commands.ts";
import { openForges, openWebhooks } from "./app-forges.ts";
import { openHooks, openSecrets, startFinishing } from "./app-hooks.ts";
import { liveParts } from "./app-live.ts";
import { openObserving } from "./app-observing.ts";
import type { Opened } from "./app-opened.ts";
import { openReporting } from "./app-reporting.ts";
import { configuredCa, intakeSecrets, readOrMakeWorkerId, registrySecrets } from "./app-secrets.ts";
import { createTunnel, describeTunnel, startTunnel } from "./app-tunnel.ts";
import { attestationSigner } from "./attestation-key.ts";
import { type Config, parseRepositories } from "./config.ts";
import type { LedgerLimits } from "./core/delivery.ts";
import { foundReader } from "./core/found-event.ts";
import type { Store } from "./core/ports.ts";
import { startSweeping } from "./flows/sweep-ledger.ts";
import { type Check, type CheckOutcome, runChecks } from "./http/health.ts";
import { listen } from "./http/server.ts";
import { createWebhookApp } from "./http/webhooks.ts";

export interface App {
  /** Of a worker alone: its health only. */
  readonly apiUrl: string;
  /** Empty for a worker alone. */
  readonly webhookUrl: string;
  /** What there is of that which this role needs, and of the tunnel. */
  inspect(): Promise<Readonly<Record<string, CheckOutcome>>>;
  /** Takes nothing new, lets running builds end within the drain time, gives back the others, closes everything. */
  stop(): Promise<void>;
}

export async function createApp(config: Config, log: Logger): Promise<App> {
  await mkdir(config.stateFolder, { recursive: true, mode: 0o700 });
  const lock = await lockState(config.stateFolder);
  try {
    const app = await openApp(config, log);
    return { ...app, stop: () => app.stop().finally(lock.release) };
  } catch (cause) {
    await lock.release();
    throw cause;
  }
}

async function openApp(config: Config, log: Logger): Promise<App> {
  const { isReceiver, isWorker } = { isReceiver: config.role !== "worker", isWorker: config.role !== "receiver" };
  // A new database takes a second: secrets and certificates are made meanwhile.
  const making = Promise.all([
    isReceiver ? intakeSecrets(config) : null,
    isWorker ? registrySecrets(config) : null,
    attestationSigner(config),
  ]);
  const [opening, made] = await Promise.allSettled([openDatabase(config, log), making]);
  if (opening.status === "rejected") throw opening.reason;
  const postgres = opening.value;
  const observing = await openObserving({ config, log, postgres }).catch(async (cause: unknown) => {
    await postgres.close();
    throw cause;
  });
  const forges = openForges({ config, log, postgres, counting: observing.forgeQuestions });
  const closers = [postgres.close, observing.close, forges.close];
  const opened = { config, log, postgres, observing, forges, checks: {}, closers, isDraining: false };
  try {
    if (made.status === "rejected") throw made.reason;
    const [intake, registry, signer] = made.value;
    const building = registry === null ? null : await openBuilding(opened, { registry, signer });
    const registryCa = registry === null ? await configuredCa(config) : registry.ca;
    const shown = { pruning: building?.pruning ?? null, signer, registryCa };
    const listening =
      intake === null ? await listenForHealth(opened) : await listenForAll(opened, { ...shown, secrets: intake });
    if (building !== null) {
      openReporting(opened);
      obeyComments(opened);
      await work(opened, building);
    }
    const { apiUrl, webhookUrl } = listening;
    return { apiUrl, webhookUrl, inspect: () => inspect(opened, listening), stop: () => stop(opened) };
  } catch (cause) {
    await stop(opened);
    throw cause;
  }
}

/** The queue first: until its builds have ended or were given back, all else is needed. Then from the last to the first. */
async function stop(opened: Opened): Promise<void> {
  opened.isDraining = true;
  const { queue } = opened.postgres;
  const stopQueue = () => queue.stop(opened.config.limits.drain_seconds_max * 1000);
  const failures: unknown[] = [];
  // Each one whatever became of the others.
  for (const close of [stopQueue, ...opened.closers.toReversed()])
    await close().catch((cause: unknown) => failures.push(cause));
  if (failures.length > 0) throw new AggregateError(failures, "closing failed");
}

function inspect({ checks }: Opened, { tunnel }: Listening): Promise<Record<string, CheckOutcome>> {
  return runChecks(tunnel === null ? checks : { ...checks, tunnel });
}

async function openDatabase(config: Config, log: Logger): Promise<OpenPostgres> {
  return openPostgres({
    url: config.databaseUrl,
    folder: path.join(config.stateFolder, "postgres"),
    worker: await readOrMakeWorkerId(config),
    concurrencies: new Map(
      config.repositories.flatMap(({ name, concurrency }) => (concurrency === null ? [] : [[name, concurrency]])),
    ),
    workers: config.workers,
    expireSeconds: config.limits.build_seconds_max * 2,
    connectionsMax: config.limits.database_connections_max,
    limits: {
      perRepositoryMax: config.limits.queued_builds_per_repository_max,
      inAllMax: config.limits.queued_builds_max,
    },
    ledgerLimits: toLedgerLimits(config),
    log,
  });
}

function toLedgerLimits({ limits }: Config): LedgerLimits {
  return { daysMax: limits.ledger_days_max, bytesMax: limits.ledger_bytes_max };
}

/** Begins now; returns how to stop. */
function sweepLedger(store: Store, log: Logger): () => Promise<void> {
  return startSweeping({
    store,
    clock: systemClock,
    report: (outcome) => {
      if ("error" in outcome) log.warn({ err: outcome.error }, "the ledger could not be swept");
      else if (outcome.removed > 0) log.info({ removed: outcome.removed }, "old deliveries removed");
    },
  });
}

interface Listening extends Pick<App, "apiUrl" | "webhookUrl"> {
  /** Null where no deliveries come in. Never fails: a tunnel is not needed to build. */
  readonly tunnel: Check | null;
}

async function listenForHealth(opened: Opened): Promise<Listening> {
  const { config, postgres, checks } = opened;
  checks.database = postgres.store.check;
  const url = await open(opened, openHealth(opened), config.listen.api);
  return { apiUrl: url, webhookUrl: "", tunnel: null };
}

async function listenForAll(
  opened: Opened,
  needs: Omit<ApiNeeds, "delivery" | "webhookUrl" | "live" | "hooks" | "tunnel">,
): Promise<Listening> {
  const { config, log, checks, postgres, observing } = opened;
  const { limits, listen: addresses, repositories } = config;
  const { store } = postgres;
  checks.database = store.check;
  const secrets = await openSecrets(opened, needs.secrets.webhookSecrets);
  const forges = openWebhooks(() => secrets.list().map(({ secret }) => secret));
  const tunnel = createTunnel({ config, log, forges });
  const hooks = openHooks(opened, { secrets, tunnel, forgeOf: opened.forges.of });
  const ledgerLimits = toLedgerLimits(config);
  const delivery = { store, forges: [...forges, foundReader], repositories, parseRepositories, ledgerLimits };
  const observe = observing.requests;
  let webhookUrl: string | null = null;
  const live = liveParts(opened);
  const api = openApi(opened, { ...needs, delivery, live, hooks, tunnel, webhookUrl: () => webhookUrl });
  const webhooks = createWebhookApp({
    ...{ forges, store, repositories, log, observe, deliveries: observing.deliveries },
    bodyBytesMax: limits.body_bytes_max,
    inFlightBytesMax: limits.in_flight_bytes_max,
    isDraining: () => opened.isDraining,
    refreshSecrets: secrets.refresh,
  });
  opened.closers.push(sweepLedger(store, log), startFinishing(hooks, log));
  const apiUrl = `${await open(opened, api, addresses.api)}/api/v1`;
  webhookUrl = `${await open(opened, webhooks, addresses.webhooks)}/webhooks/github`;
  opened.closers.push(startTunnel({ config, log, forges, tunnel, webhookUrl, hooks }));
  // Before the listeners: these wait for answers that go on.
  opened.closers.push(live.viewers.close);
  return { apiUrl, webhookUrl, tunnel: (signal) => describeTunnel(tunnel, forges, signal) };
}

async function open({ config, closers }: Opened, app: Koa, address: Config["listen"]["api"]): Promise<string> {
  const listener = await listen(app, { ...address, connectionsMax: config.limits.connections_max });
  closers.push(listener.close);
  return listener.url;
}
