// Puts the parts together: createApp(config) opens what its role needs, listens and works; the tests use it as it is.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import type Koa from "koa";
import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createEngine } from "./adapters/docker-engine.ts";
import { createGit } from "./adapters/git.ts";
import { type OpenPostgres, openPostgres } from "./adapters/postgres/open.ts";
import { createRegistry } from "./adapters/registry.ts";
import { lockState } from "./adapters/state-lock.ts";
import { describeTunnel } from "./adapters/tunnel.ts";
import { openDestinations } from "./app-registries.ts";
import {
  type IntakeSecrets,
  intakeSecrets,
  type RegistrySecrets,
  readOrMakeWorkerId,
  readRepositorySecrets,
  registrySecrets,
} from "./app-secrets.ts";
import { createDockerBuilder } from "./builders/docker.ts";
import { type Config, parseRepositories } from "./config.ts";
import type { LedgerLimits } from "./core/delivery.ts";
import type { Builder, Destinations, Registry, Store } from "./core/ports.ts";
import type { Repository } from "./core/recipe.ts";
import { runBuild } from "./flows/run-build.ts";
import { startSweeping } from "./flows/sweep-ledger.ts";
import { createGithub } from "./forges/github.ts";
import { createApiApp, createHealthApp } from "./http/api.ts";
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

/** What is open, in the order of opening. */
interface Opened {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
  readonly checks: Record<string, Check>;
  readonly closers: (() => Promise<void>)[];
  isDraining: boolean;
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
  const making = Promise.all([isReceiver ? intakeSecrets(config) : null, isWorker ? registrySecrets(config) : null]);
  const [opening, made] = await Promise.allSettled([openDatabase(config, log), making]);
  if (opening.status === "rejected") throw opening.reason;
  const postgres = opening.value;
  const opened = { config, log, postgres, checks: {}, closers: [postgres.close], isDraining: false };
  try {
    if (made.status === "rejected") throw made.reason;
    const [intake, registry] = made.value;
    const builds = registry === null ? null : openBuilding(opened, registry);
    const urls = intake === null ? await listenForHealth(opened) : await listenForAll(opened, intake);
    if (builds !== null) await work(opened, builds);
    return { ...urls, inspect: () => inspect(opened), stop: () => stop(opened) };
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

function inspect({ config, checks }: Opened): Promise<Record<string, CheckOutcome>> {
  const tunnel: Check = (signal) => describeTunnel(config.tunnelAgentUrl, signal);
  return runChecks(config.role === "worker" ? checks : { ...checks, tunnel });
}

async function openDatabase(config: Config, log: Logger): Promise<OpenPostgres> {
  return openPostgres({
    url: config.databaseUrl,
    folder: path.join(config.stateFolder, "postgres"),
    worker: await readOrMakeWorkerId(config),
    parallel: config.repositories.filter(({ concurrency }) => concurrency === "parallel").map(({ name }) => name),
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

/** `closers`, `checks`: what is opened is noted there, also when a later step fails. */
function openBuilding({ config, checks, closers }: Opened, { password, ca }: RegistrySecrets): BuildingParts {
  const { apiUrl, pushHost, username } = config.registry;
  const timeoutMs = config.limits.registry_seconds_max * 1000;
  const registry = createRegistry({ apiUrl, ca, username, password, timeoutMs });
  closers.push(registry.close);
  const destinations = openDestinations(config, {
    host: pushHost,
    settings: "registry",
    apiUrl,
    ca,
    credentials: { username, password },
    timeoutMs,
  });
  closers.push(destinations.close);
  const silenceMsMax = config.limits.build_silence_seconds_max * 1000;
  const engine = createEngine({ host: config.engineHost, silenceMsMax });
  const builder = createDockerBuilder({ engine, pushHost, username, password });
  Object.assign(checks, { engine: builder.check, registry: registry.check });
  const hidden = [password, ...config.registries.flatMap((one) => one.password ?? [])];
  return { builder, registry, destinations, hidden };
}

type Urls = Pick<App, "apiUrl" | "webhookUrl">;

async function listenForHealth(opened: Opened): Promise<Urls> {
  const { config, log, postgres, checks } = opened;
  checks.database = postgres.store.check;
  const url = await open(opened, createHealthApp(checks, log), config.listen.api);
  return { apiUrl: url, webhookUrl: "" };
}

async function listenForAll(opened: Opened, { webhookSecrets, adminToken }: IntakeSecrets): Promise<Urls> {
  const { config, log, checks, postgres } = opened;
  const { limits, listen: addresses, repositories } = config;
  const { store } = postgres;
  checks.database = store.check;
  const forges = [createGithub(webhookSecrets)];
  const ledger = { forges, repositories, parseRepositories, ledgerLimits: toLedgerLimits(config) };
  const api = createApiApp({ store, ...ledger, checks, adminToken, log });
  const webhooks = createWebhookApp({
    ...{ forges, store, repositories, log },
    bodyBytesMax: limits.body_bytes_max,
    inFlightBytesMax: limits.in_flight_bytes_max,
    isDraining: () => opened.isDraining,
  });
  opened.closers.push(sweepLedger(store, log));
  const apiUrl = `${await open(opened, api, addresses.api)}/api/v1`;
  return { apiUrl, webhookUrl: `${await open(opened, webhooks, addresses.webhooks)}/webhooks/github` };
}

async function open({ config, closers }: Opened, app: Koa, address: Config["listen"]["api"]): Promise<string> {
  const listener = await listen(app, { ...address, connectionsMax: config.limits.connections_max });
  closers.push(listener.close);
  return listener.url;
}

interface BuildingParts {
  readonly builder: Builder;
  readonly registry: Registry;
  readonly destinations: Destinations;
  /** The passwords that they know. */
  readonly hidden: readonly string[];
}

async function work({ config, log, postgres }: Opened, building: BuildingParts): Promise<void> {
  const {
    limits,
    repositories,
    registry: { pushHost },
  } = config;
  const git = await createGit({
    folder: path.join(config.stateFolder, "git"),
    protocols: [...new Set(["https", ...repositories.map(({ url }) => new URL(url).protocol.slice(0, -1))])],
    lowSpeedBytesPerSecond: limits.git_low_speed_bytes_per_second,
    lowSpeedSeconds: limits.git_low_speed_seconds_max,
  });
  const parts = {
    ...{ store: postgres.store, git, ...building, clock: systemClock, repositories, pushHost },
    retry: { attempts: limits.attempts_max, delayMs: 1_000, delayMsMax: 30_000 },
    buildMsMax: limits.build_seconds_max * 1000,
    logBytesMax: limits.log_bytes_max,
    logLinesMax: limits.log_lines_max,
    readSecrets: (repository: Repository, names: readonly string[]) =>
      readRepositorySecrets(repository, names, limits.secret_bytes_max),
    brokenAttemptsMax: limits.broken_attempts_max,
    troubleMsMax: limits.trouble_seconds_max * 1000,
  };
  await postgres.queue.work(async (buildId, lease) => {
    log.info({ buildId }, "build begun");
    await runBuild(parts, buildId, lease);
    const build = await postgres.store.build(buildId);
    const level = build?.result === "error" ? "error" : "info";
    log[level]({ buildId, result: build?.result, failure: build?.failure }, "build ended");
  });
}
