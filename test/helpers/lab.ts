// The engine and the registry that all integration tests share: started by the first suite that asks, once in a run.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Docker from "dockerode";
import { makeCertificates } from "../../certs/make-certs.ts";
import { makeRegistryCredentials } from "../../certs/make-credentials.ts";
import { type Engine, startEngine } from "../../lab/engine.ts";
import { type Registry, startRegistry } from "../../lab/registry.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import { trustRegistry } from "../../lab/trust-registry.ts";
import { engineObjects } from "./engine-objects.ts";
import { cacheFolder, runFolder } from "./folders.ts";

export type Lab = {
  readonly engine: Engine;
  readonly docker: Docker;
  readonly registry: Registry;
  readonly account: { readonly username: string; readonly password: string; readonly passwordFile: string };
  readonly certificates: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
  readonly credentials: { readonly htpasswdFile: string; readonly passwordFile: string };
  /** What the engine had kept from earlier runs. */
  readonly objectsAtStart: readonly string[];
};

const username = "ci";
let lab: Promise<Lab> | undefined;

/** For `before` of a suite: what a test starts itself, it has to stop itself. The engine already trusts the registry's CA. */
export function useLab(): Promise<Lab> {
  lab ??= start();
  return lab;
}

/** The lab, when some suite has asked for it. */
export async function startedLab(): Promise<Lab | undefined> {
  // One that did not come up has failed the suite that asked for it.
  return lab?.catch(() => undefined);
}

export async function stopLab(): Promise<void> {
  const started = await startedLab();
  lab = undefined;
  await Promise.all([started?.engine.stop(), started?.registry.stop()]);
}

async function start(): Promise<Lab> {
  const certificates = await makeCertificates({ folder: join(runFolder, "certs"), hosts: [registryAddress.hostName] });
  const credentials = await makeRegistryCredentials({ folder: join(runFolder, "credentials"), username });
  const password = await readFile(credentials.passwordFile, "utf8");
  const [engine, registry] = await Promise.all([
    startEngine({ folder: join(cacheFolder, "engine") }),
    startRegistry({
      folder: join(runFolder, "registry"),
      address: { ...registryAddress, port: 5000 },
      credentials,
      certificates,
    }),
  ]);
  const docker = new Docker({ socketPath: engine.socketPath });
  await removeRemains(docker, registry.host);
  await trustRegistry(registry);
  const account = { username, password, passwordFile: credentials.passwordFile };
  return { engine, docker, registry, account, certificates, credentials, objectsAtStart: await engineObjects(docker) };
}

/** A run that was killed could not clean up the engine that this one inherits. */
async function removeRemains(docker: Docker, registryHost: string): Promise<void> {
  for (const { Id } of await docker.listContainers({ all: true }))
    await docker.getContainer(Id).remove({ force: true });
  const images = await docker.listImages();
  const tags = images.flatMap((image) => image.RepoTags ?? []).filter((tag) => tag.startsWith(`${registryHost}/`));
  for (const tag of tags) await docker.getImage(tag).remove({ force: true });
  await docker.pruneImages();
}
