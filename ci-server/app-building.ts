// Puts together what builds: git, engine and registries, what looks after them, and the flow that uses them.

import path from "node:path";
import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createContexts } from "./adapters/context-tree.ts";
import { createEngine } from "./adapters/docker-engine.ts";
import type { Signer } from "./adapters/dsse.ts";
import { createGit } from "./adapters/git.ts";
import { createRegistry } from "./adapters/registry.ts";
import { parseYaml } from "./adapters/yaml.ts";
import { openAttesting } from "./app-attestations.ts";
import { openBases, toBasePolicy, toWatch } from "./app-bases.ts";
import type { Opened } from "./app-opened.ts";
import { openPruning } from "./app-prune.ts";
import { startReconcile } from "./app-reconciling.ts";
import { openDestinations } from "./app-registries.ts";
import { credentialsByHost, type RegistrySecrets, readOrMakeWorkerId, readRepositorySecrets } from "./app-secrets.ts";
import { createDockerBuilder } from "./builders/docker.ts";
import type { Bases, Builder, Destinations, Git, GitHistory, Locked, Registry } from "./core/ports.ts";
import type { Repository } from "./core/recipe.ts";
import type { AttestParts } from "./flows/attest-parts.ts";
import type { Pruning } from "./flows/pruning.ts";
import { runBuild } from "./flows/run-build.ts";
import { type SweepParts, sweepEngine } from "./flows/sweep-engine.ts";
import { startWatchingBases } from "./flows/watch-bases.ts";

export interface Building {
  readonly builder: Builder;
  readonly registry: Registry;
  readonly destinations: Destinations;
  readonly bases: Bases;
  readonly git: Git & GitHistory;
  readonly attest: AttestParts | null;
  readonly pruning: Pruning;
  /** The passwords that they know. */
  readonly hidden: readonly string[];
}

export interface BuildingSecrets {
  readonly registry: RegistrySecrets;
  /** Null where nothing is attested. */
  readonly signer: Signer | null;
}

/** What is opened is noted in `closers` and `checks`, also when a later step fails. */
export async function openBuilding(opened: Opened, { registry: secrets, signer }: BuildingSecrets): Promise<Building> {
  const { config, checks, closers } = opened;
  const { password, ca } = secrets;
  const { apiUrl, pushHost, username } = config.registry;
  const timeoutMs = config.limits.registry_seconds_max * 1000;
  const registry = createRegistry({ host: pushHost, apiUrl, ca, username, password, timeoutMs });
  const { http } = registry;
  const destinations = openDestinations(config, http, timeoutMs);
  const silenceMsMax = config.limits.build_silence_seconds_max * 1000;
  const engine = createEngine({ host: config.engineHost, silenceMsMax });
  const builder = createDockerBuilder({
    ...{ engine, pushHost, credentials: credentialsByHost(config, password) },
    contextTransfer: config.contextTransfer,
  });
  const bases = openBases(config, engine, { apiUrl, ca, credentials: { username, password } });
  closers.push(registry.close, destinations.close, bases.close);
  Object.assign(checks, { engine: builder.check, registry: registry.check });
  const git = await openGit(opened);
  const worker = await readOrMakeWorkerId(config);
  const pruning = openPruning({ ...opened, registry: http, folders: git, worker });
  closers.push(pruning.start());
  const locked: Locked = (name, signal, work) => opened.postgres.store.lock(name, signal, work);
  const attest = openAttesting({ config, http, signer, locked });
  const hidden = [password, ...config.registries.flatMap((other) => other.password ?? [])];
  return { builder, registry, destinations, bases, git, attest, pruning, hidden };
}

function openGit({ config, forges }: Opened): ReturnType<typeof createGit> {
  const { stateFolder, repositories, limits } = config;
  return createGit({
    folder: gitFolderOf(stateFolder),
    protocols: [...new Set(["https", ...repositories.map(({ url }) => new URL(url).protocol.slice(0, -1))])],
    lowSpeedBytesPerSecond: limits.git_low_speed_bytes_per_second,
    lowSpeedSeconds: limits.git_low_speed_seconds_max,
    limits: {
      repositoryBytesMax: limits.repository_bytes_max,
      repositoryFilesMax: limits.repository_files_max,
      mirrorBytesMax: limits.mirror_bytes_max,
      fetchMsMax: limits.git_seconds_max * 1000,
    },
    tokens: forges.tokens,
  });
}

function gitFolderOf(stateFolder: string): string {
  return path.join(stateFolder, "git");
}

/** Takes builds from the queue until that is stopped. */
export async function work(opened: Opened, { pruning, ...building }: Building): Promise<void> {
  const { config, log, postgres, observing, closers } = opened;
  const { limits, repositories, registry } = config;
  const parts = {
    ...{ store: postgres.store, ...building, clock: systemClock, repositories, pushHost: registry.pushHost },
    ...{ parseYaml, registryHosts: config.registries.map(({ host }) => host) },
    recipeFileBytesMax: limits.recipe_file_bytes_max,
    parallelImagesMax: limits.parallel_images_max,
    contexts: createContexts({ gitFolder: gitFolderOf(config.stateFolder) }),
    basePolicy: toBasePolicy(config),
    retry: { attempts: limits.attempts_max, delayMs: 1_000, delayMsMax: 30_000 },
    readSecrets: (repository: Repository, names: readonly string[]) =>
      readRepositorySecrets(repository, names, limits.secret_bytes_max),
    buildMsMax: limits.build_seconds_max * 1000,
    logBytesMax: limits.log_bytes_max,
    logLinesMax: limits.log_lines_max,
    brokenAttemptsMax: limits.broken_attempts_max,
    troubleMsMax: limits.trouble_seconds_max * 1000,
    ensureRoom: pruning.ensureRoom,
  };
  closers.push(startWatchingBases({ ...parts, ...toWatch(config, log) }), sweepEngineOnce(parts, log));
  closers.push(startReconcile(opened, building.git));
  await postgres.queue.work(async (buildId, lease) => {
    await runBuild({ ...parts, observer: await observing.builds(buildId) }, buildId, lease);
  });
}

/** Begins now; returns how to wait for its end. */
function sweepEngineOnce(parts: SweepParts, log: Logger): () => Promise<void> {
  const sweeping = sweepEngine(parts).then(
    (removed) => removed > 0 && log.info({ removed }, "images that builds had left on the engine removed"),
    (err: unknown) => log.warn({ err }, "the engine could not be swept"),
  );
  return async () => void (await sweeping);
}
