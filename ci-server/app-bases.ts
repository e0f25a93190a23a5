// What the configuration says of base images: where they may come from, who signs in where, how often somebody looks.

import type { Logger } from "pino";
import { type BaseDigests, createBaseDigests } from "./adapters/base-digests.ts";
import type { Engine } from "./adapters/docker-engine.ts";
import type { RegistryAccess } from "./adapters/registry-head.ts";
import { readCa } from "./app-registries.ts";
import type { Config, OtherRegistry } from "./config.ts";
import type { BasePolicy } from "./core/base-policy.ts";
import { dockerHub } from "./core/base-reference.ts";
import type { Repository } from "./core/recipe.ts";
import type { WatchParts } from "./flows/watch-bases.ts";

/** `own`: how this process reaches our own registry. Throws `invalid` when the file of a CA cannot be read. */
export function openBases(config: Config, engine: Engine, own: RegistryAccess): BaseDigests {
  const { pushHost } = config.registry;
  return createBaseDigests({
    ...{ engine, pushHost },
    registries: new Map([...config.registries.map(toAccess), [pushHost.toLowerCase(), own]]),
    timeoutMs: config.limits.base_registry_seconds_max * 1000,
  });
}

function toAccess({ host, username, password, caFile }: OtherRegistry): [string, RegistryAccess] {
  const credentials = username === null || password === null ? null : { username, password };
  const ca = caFile === null ? null : readCa(host, caFile);
  const name = host.toLowerCase();
  return [
    name === "index.docker.io" || name === "registry-1.docker.io" ? dockerHub : name,
    { apiUrl: null, ca, credentials },
  ];
}

export function toBasePolicy(config: Config): (repository: Repository) => BasePolicy {
  const configured = config.registries.map(({ host }) => host);
  return ({ baseRegistries, addHosts }) => ({
    registries: baseRegistries ?? config.baseRegistries,
    addHosts: addHosts ?? config.addHosts,
    own: config.registry.pushHost,
    configured,
  });
}

export function toWatch(config: Config, log: Logger): Pick<WatchParts, "everySeconds" | "random" | "report"> {
  return {
    everySeconds: config.baseWatchSeconds,
    random: Math.random,
    report: (event) => {
      if (event.kind === "trouble")
        log.warn({ err: event.error, what: event.what }, "a base image could not be looked at");
      else if (event.kind === "rebuild") {
        const { buildId, bases, image } = event;
        log.info({ buildId, bases, repository: image.repository, service: image.service }, "a base image has changed");
      } else log.debug(event, "base images looked at");
    },
  };
}
