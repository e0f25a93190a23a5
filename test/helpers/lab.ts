// The engine and the registry that all integration tests share: started by the first suite that asks, once in a run.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Docker from "dockerode";
import { makeCertificates } from "../../certs/make-certs.ts";
import { makeRegistryCredentials } from "../../certs/make-credentials.ts";
import { type Engine, startEngine } from "../../lab/engine.ts";
import { newerEngine } from "../../lab/newer-engine.ts";
import { type Registry, startRegistry } from "../../lab/registry.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import { trustRegistry } from "../../lab/trust-registry.ts";
import { engineObjects } from "./engine-objects.ts";
import { enginesFolder, newerEngineSource, runFolder } from "./folders.ts";

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
const newerPrograms = newerEngine(newerEngineSource);
let lab: Promise<Lab> | undefined;
let newerLab: Promise<Lab> | undefined;

/** test/run.ts fetches it where it can; without the network, or on another system, there is none. */
export const hasNewerEngine = newerPrograms !== null;

/** For `before` of a suite: what a test starts itself, it has to stop itself. The engine already trusts the registry's CA. */
export function useLab(): Promise<Lab> {
  lab ??= start();
  return lab;
}

/** The same lab with a newer engine in place of the machine's own, beside which it runs. */
export function useNewerLab(): Promise<Lab> {
  newerLab ??= useLab().then(startNewer);
  return newerLab;
}

/** The lab and the newer one, as far as some suite has asked for them. */
export async function startedLabs(): Promise<readonly Lab[]> {
  // One that did not come up has failed the suite that asked for it.
  const labs = await Promise.all([lab, newerLab].map((one) => one?.catch(() => undefined)));
  return labs.filter((one) => one !== undefined);
}

export async function stopLab(): Promise<void> {
  const started = await startedLabs();
  lab = undefined;
  newerLab = undefined;
  await Promise.all([...started.map(({ engine }) => engine.stop()), started[0]?.registry.stop()]);
}

async function startNewer(shared: Lab): Promise<Lab> {
  if (newerPrograms === null) throw new Error("there is no newer engine; npm test fetches it");
  const engine = await startEngine({
    folder: join(enginesFolder, "newer"),
    programs: newerPrograms,
    bridge: { name: "newer0", address: "172.30.0.1/16" },
  });
  const docker = new Docker({ socketPath: engine.socketPath });
  await removeRemains(docker, shared.registry.host);
  return { ...shared, engine, docker, objectsAtStart: await engineObjects(docker) };
}

async function start(): Promise<Lab> {
  const certificates = await makeCertificates({ folder: join(runFolder, "certs"), hosts: [registryAddress.hostName] });
  const credentials = await makeRegistryCredentials({ folder: join(runFolder, "credentials"), username });
  const password = await readFile(credentials.passwordFile, "utf8");
  const [engine, registry] = await Promise.all([
    startEngine({ folder: join(enginesFolder, "usual") }),
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
