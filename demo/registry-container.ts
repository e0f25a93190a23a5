// The registry as a container of the image registry:2 on the engine that is there, published on loopback.

import { readFile } from "node:fs/promises";
import { request } from "node:https";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type Docker from "dockerode";
import { httpStatus } from "../lab/http-status.ts";
import type { Registry, RegistryOptions } from "../lab/registry.ts";

const image = "registry:2";
const config = path.join(import.meta.dirname, "../registry/config.yml");
const readyMsMax = 15_000;
const pullMsMax = 60_000;

/** True when the image is on the engine, or was pulled just now. */
export async function hasRegistryImage(docker: Docker): Promise<boolean> {
  const isThere = () =>
    docker
      .getImage(image)
      .inspect()
      .then(
        () => true,
        () => false,
      );
  if (await isThere()) return true;
  try {
    const stream = await docker.pull(image, { abortSignal: AbortSignal.timeout(pullMsMax) });
    for await (const _progress of stream);
  } catch {
    // Offline, or refused: whether the image is there is asked below in any case.
  }
  return isThere();
}

export async function startRegistryContainer(docker: Docker, options: RegistryOptions): Promise<Omit<Registry, "pid">> {
  const { address, certificates } = options;
  const container = await docker.createContainer(toContainer(options));
  const stop = () => container.remove({ force: true, v: true });
  try {
    await container.start();
    await untilReady(options);
  } catch (error) {
    await stop();
    throw error;
  }
  const host = `${address.hostName}:${address.port}`;
  return { host, apiUrl: `https://${host}`, caFile: certificates.caFile, stop };
}

function toContainer({ address, certificates, credentials }: RegistryOptions): Docker.ContainerCreateOptions {
  const mounts = [
    [config, "/etc/docker/registry/config.yml"],
    [certificates.certFile, "/certs/registry.crt"],
    [certificates.keyFile, "/certs/registry.key"],
    [credentials.htpasswdFile, "/certs/htpasswd"],
  ];
  return {
    Image: image,
    Env: ["REGISTRY_HTTP_ADDR=:5000"],
    Labels: { "dev.mergedock.demo": "registry" },
    ExposedPorts: { "5000/tcp": {} },
    HostConfig: {
      Binds: mounts.map(([from, to]) => `${from}:${to}:ro`),
      PortBindings: { "5000/tcp": [{ HostIp: address.ip, HostPort: String(address.port) }] },
    },
  };
}

async function untilReady({ address: { ip, port, hostName }, certificates }: RegistryOptions): Promise<void> {
  const ca = await readFile(certificates.caFile, "utf8");
  const deadline = performance.now() + readyMsMax;
  const ask = () =>
    httpStatus(request({ host: ip, port, servername: hostName, path: "/v2/", ca, agent: false, timeout: 1_000 }));
  while ((await ask()) !== 401) {
    if (performance.now() > deadline)
      throw new Error(`the container of ${image} did not answer on ${ip}:${port} within ${readyMsMax} ms`);
    await delay(50);
  }
}
