// Puts the parts together: createApp(config) opens everything, listens and works; the tests use it as it is.

import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import type { Logger } from "pino";
import { createOnce } from "../certs/files.ts";
import { makeCertificates } from "../certs/make-certs.ts";
import { makeRegistryCredentials } from "../certs/make-credentials.ts";
import { systemClock } from "./adapters/clock.ts";
import { createEngine } from "./adapters/docker-engine.ts";
import { createGit } from "./adapters/git.ts";
import { type OpenPostgres, openPostgres } from "./adapters/postgres/open.ts";
import { createRegistry } from "./adapters/registry.ts";
import { lockState } from "./adapters/state-lock.ts";
import { describeTunnel } from "./adapters/tunnel.ts";
import { createDockerBuilder } from "./builders/docker.ts";
import { type Config, parseRepositories } from "./config.ts";
import { weaknessOf } from "./config-secrets.ts";
import { AppError } from "./core/errors.ts";
import type { Builder, Registry, Store } from "./core/ports.ts";
import { runBuild } from "./flows/run-build.ts";
import { createGithub } from "./forges/github.ts";
import { createApiApp } from "./http/api.ts";
import { type Check, type CheckOutcome, runChecks } from "./http/health.ts";
import { type Listener, listen } from "./http/server.ts";
import { createWebhookApp } from "./http/webhooks.ts";

export interface App {
  readonly apiUrl: string;
  readonly webhookUrl: string;
  /** What there is of engine, registry, database and tunnel. */
  inspect(): Promise<Readonly<Record<string, CheckOutcome>>>;
  /** Takes nothing new, lets running builds end within the drain time, gives back the others, closes everything. */
  stop(): Promise<void>;
}

interface Secrets {
  readonly webhookSecrets: readonly string[];
  readonly adminToken: string;
  readonly registryPassword: string;
  readonly registryCa: string | null;
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
  // A new database takes a second: secrets and certificates are made meanwhile.
  const [opening, making] = await Promise.allSettled([openDatabase(config, log), readOrMakeSecrets(config)]);
  if (opening.status === "rejected") throw opening.reason;
  const postgres = opening.value;
  const drain = { isDraining: false };
  const stopQueue = () => {
    drain.isDraining = true;
    return postgres.queue.stop(config.limits.drain_seconds_max * 1000);
  };
  const closers = [postgres.close];
  // The queue first: until its builds have ended or were given back, all else is needed. Then from the last to the first.
  const stop = () => closeAll([...closers, stopQueue]);
  try {
    if (making.status === "rejected") throw making.reason;
    const secrets = making.value;
    const registry = createRegistry(registryOptions(config, secrets));
    closers.push(registry.close);
    const builder = createBuilder(config, secrets);
    const checks = { engine: builder.check, registry: registry.check, database: postgres.store.check };
    const parts = { config, secrets, store: postgres.store, checks, log, isDraining: () => drain.isDraining };
    const { api, webhooks } = await openListeners(parts);
    closers.push(api.close, webhooks.close);
    await work(config, { postgres, builder, registry, log });
    const tunnel: Check = (signal) => describeTunnel(config.tunnelAgentUrl, signal);
    return {
      apiUrl: `${api.url}/api/v1`,
      webhookUrl: `${webhooks.url}/webhooks/github`,
      inspect: () => runChecks({ ...checks, tunnel }),
      stop,
    };
  } catch (cause) {
    await stop();
    throw cause;
  }
}

/** In the reverse order of opening, each one whatever became of the others. */
async function closeAll(closers: readonly (() => Promise<void>)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const close of closers.toReversed()) await close().catch((cause: unknown) => failures.push(cause));
  if (failures.length > 0) throw new AggregateError(failures, "closing failed");
}

/** Whatever the configuration does not name is made in the state folder, once. */
async function readOrMakeSecrets(config: Config): Promise<Secrets> {
  const file = (name: string) => path.join(config.stateFolder, "secrets", name);
  return {
    webhookSecrets: config.webhookSecrets ?? [await readOrMakeSecret(file("webhook-secret"))],
    adminToken: config.adminToken ?? (await readOrMakeSecret(file("admin-token"))),
    registryPassword: config.registry.password ?? (await makeRegistryPassword(config)),
    registryCa: await readOrMakeCa(config),
  };
}

/** 32 random bytes in hex, made once. */
async function readOrMakeSecret(file: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const secret = (await createOnce({ file, text: `${randomBytes(32).toString("hex")}\n` })).trim();
  const weakness = weaknessOf(secret);
  if (weakness !== null) throw new AppError("invalid", `${file}: ${weakness}, or remove the file to have one made`);
  return secret;
}

async function makeRegistryPassword(config: Config): Promise<string> {
  const folder = path.join(config.stateFolder, "registry");
  const { passwordFile } = await makeRegistryCredentials({ folder, username: config.registry.username });
  return (await readFile(passwordFile, "utf8")).trim();
}

async function readOrMakeCa(config: Config): Promise<string | null> {
  const { caFile, apiUrl } = config.registry;
  if (caFile === "system") return null;
  if (caFile !== null) {
    return readFile(caFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new AppError("invalid", `registry.ca_file: ${caFile} cannot be read (${cause.code})`, { cause });
    });
  }
  const hosts = [...new Set(["localhost", "127.0.0.1", new URL(apiUrl).hostname])];
  const made = await makeCertificates({ folder: path.join(config.stateFolder, "certs"), hosts });
  return readFile(made.caFile, "utf8");
}

function openDatabase(config: Config, log: Logger): Promise<OpenPostgres> {
  return openPostgres({
    url: config.databaseUrl,
    folder: path.join(config.stateFolder, "postgres"),
    workers: config.workers,
    expireSeconds: config.limits.build_seconds_max * 2,
    limits: {
      perRepositoryMax: config.limits.queued_builds_per_repository_max,
      inAllMax: config.limits.queued_builds_max,
    },
    log,
  });
}

function registryOptions(config: Config, secrets: Secrets): Parameters<typeof createRegistry>[0] {
  const { apiUrl, username } = config.registry;
  const timeoutMs = config.limits.registry_seconds_max * 1000;
  return { apiUrl, ca: secrets.registryCa, username, password: secrets.registryPassword, timeoutMs };
}

function createBuilder(config: Config, secrets: Secrets): Builder {
  const { pushHost, username } = config.registry;
  const engine = createEngine({
    host: config.engineHost,
    silenceMsMax: config.limits.build_silence_seconds_max * 1000,
  });
  return createDockerBuilder({ engine, pushHost, username, password: secrets.registryPassword });
}

interface ListenerParts {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly store: Store;
  readonly checks: Readonly<Record<string, Check>>;
  readonly isDraining: () => boolean;
  readonly log: Logger;
}

async function openListeners(parts: ListenerParts): Promise<{ readonly api: Listener; readonly webhooks: Listener }> {
  const { config, secrets, store, checks, isDraining, log } = parts;
  const { limits, repositories } = config;
  const forges = [createGithub(secrets.webhookSecrets)];
  const webhookApp = createWebhookApp({
    forges,
    store,
    repositories,
    bodyBytesMax: limits.body_bytes_max,
    inFlightBytesMax: limits.in_flight_bytes_max,
    isDraining,
    log,
  });
  const { adminToken } = secrets;
  const apiApp = createApiApp({ store, forges, repositories, parseRepositories, checks, adminToken, log });
  const api = await listen(apiApp, { ...config.listen.api, connectionsMax: limits.connections_max });
  try {
    const webhooks = await listen(webhookApp, { ...config.listen.webhooks, connectionsMax: limits.connections_max });
    return { api, webhooks };
  } catch (cause) {
    await api.close();
    throw cause;
  }
}

interface WorkParts {
  readonly postgres: OpenPostgres;
  readonly builder: Builder;
  readonly registry: Registry;
  readonly log: Logger;
}

async function work(config: Config, { postgres, builder, registry, log }: WorkParts): Promise<void> {
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
    ...{ store: postgres.store, git, builder, registry, clock: systemClock, repositories, pushHost },
    retry: { attempts: limits.attempts_max, delayMs: 1_000, delayMsMax: 30_000 },
    buildMsMax: limits.build_seconds_max * 1000,
    logBytesMax: limits.log_bytes_max,
    brokenAttemptsMax: limits.broken_attempts_max,
    troubleMsMax: limits.trouble_seconds_max * 1000,
  };
  await postgres.queue.work(async (buildId, signal) => {
    log.info({ buildId }, "build begun");
    await runBuild(parts, buildId, signal);
    const build = await postgres.store.build(buildId);
    const level = build?.result === "error" ? "error" : "info";
    log[level]({ buildId, result: build?.result, failure: build?.failure }, "build ended");
  });
}
