// A private Docker engine: own data, own socket, own control group, in the lab's namespaces only.

import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { currentNamespace } from "./current-namespace.ts";
import { httpStatus } from "./http-status.ts";
import { startService } from "./service.ts";

const run = promisify(execFile);

export type Engine = {
  /** `unix:///...`, as in DOCKER_HOST. */
  readonly host: string;
  readonly socketPath: string;
  readonly pid: number;
  stop(): Promise<void>;
};

export type EngineOptions = {
  /** Keeps images and build cache for the next start; one engine at a time may use it. */
  readonly folder: string;
  /** Folders that go before those of PATH: another version's programs. */
  readonly programs?: readonly string[];
  /** Beside another engine of the namespace: a bridge of its own, and no rules of the firewall, which would replace the other's. */
  readonly bridge?: EngineBridge;
};

/** `address`: with the bits of its network, `172.30.0.1/16`. */
export type EngineBridge = { readonly name: string; readonly address: string };

/** Throws with the end of dockerd's log when it does not come up. stop() ends the running containers as well. */
export async function startEngine({ folder, programs = [], bridge }: EngineOptions): Promise<Engine> {
  const namespace = await currentNamespace();
  await mkdir(folder, { recursive: true });
  // In /run, because a socket's path may have 107 bytes and `folder` may lie deep.
  const runtime = await mkdtemp("/run/mergedock/engine-");
  const socketPath = join(runtime, "docker.sock");
  const configFile = join(runtime, "daemon.json");
  await writeFile(configFile, JSON.stringify(configuration({ namespace, folder, runtime, socketPath, bridge })));
  if (bridge !== undefined) await addBridge(bridge);
  const removeRuntime = async () => {
    await rm(runtime, { recursive: true, force: true });
    if (bridge !== undefined) await run("ip", ["link", "delete", bridge.name]);
  };
  const service = await startService({
    command: ["dockerd", "--config-file", configFile],
    // A containerd that is slow to come up is started anew, and leaves its stack dump there.
    env: { TMPDIR: runtime, PATH: [...programs, process.env.PATH].join(":") },
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

async function addBridge({ name, address }: EngineBridge): Promise<void> {
  await run("ip", ["link", "add", name, "type", "bridge"]);
  await run("ip", ["address", "add", address, "dev", name]);
  await run("ip", ["link", "set", name, "up"]);
}

interface Settings {
  readonly namespace: string;
  readonly folder: string;
  readonly runtime: string;
  readonly socketPath: string;
  readonly bridge: EngineBridge | undefined;
}

function configuration({ bridge, ...paths }: Settings): object {
  return {
    ...(bridge && { bridge: bridge.name, iptables: false }),
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
