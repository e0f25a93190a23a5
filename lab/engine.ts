// A private Docker engine: own data, own socket, own control group, in the lab's namespaces only.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { currentNamespace } from "./current-namespace.ts";
import { httpStatus } from "./http-status.ts";
import { startService } from "./service.ts";

export type Engine = {
  /** `unix:///...`, as in DOCKER_HOST. */
  readonly host: string;
  readonly socketPath: string;
  readonly pid: number;
  stop(): Promise<void>;
};

/**
 * `folder` keeps images and build cache for the next start; one engine at a time may use it. Throws with the end of
 * dockerd's log when it does not come up. stop() ends the running containers as well.
 */
export async function startEngine({ folder }: { readonly folder: string }): Promise<Engine> {
  const namespace = await currentNamespace();
  await mkdir(folder, { recursive: true });
  // In /run, because a socket's path may have 107 bytes and `folder` may lie deep.
  const runtime = await mkdtemp("/run/mergedock/engine-");
  const socketPath = join(runtime, "docker.sock");
  const configFile = join(runtime, "daemon.json");
  await writeFile(configFile, JSON.stringify(configuration({ namespace, folder, runtime, socketPath })));
  const removeRuntime = () => rm(runtime, { recursive: true, force: true });
  const service = await startService({
    command: ["dockerd", "--config-file", configFile],
    // A containerd that is slow to come up is started anew, and leaves its stack dump there.
    env: { TMPDIR: runtime },
    logFile: join(folder, "dockerd.log"),
    isReady: () => answers(socketPath),
    readyTimeoutMs: 60_000,
    stopTimeoutMs: 20_000,
  }).catch(async (error) => {
    await removeRuntime();
    throw error;
  });
  return { host: `unix://${socketPath}`, socketPath, pid: service.pid, stop: () => service.stop().then(removeRuntime) };
}

function configuration(paths: { namespace: string; folder: string; runtime: string; socketPath: string }): object {
  return {
    "data-root": join(paths.folder, "data"),
    "exec-root": join(paths.runtime, "exec"),
    pidfile: join(paths.runtime, "docker.pid"),
    hosts: [`unix://${paths.socketPath}`],
    group: "root",
    // systemd is out of reach in the namespaces.
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    "cgroup-parent": `/${paths.namespace}`,
    "shutdown-timeout": 5,
    builder: { gc: { enabled: true, defaultKeepStorage: "2GB" } },
  };
}

async function answers(socketPath: string): Promise<boolean> {
  const ping = request({ socketPath, path: "/_ping", agent: false, timeout: 1_000 });
  return (await httpStatus(ping)) === 200;
}
