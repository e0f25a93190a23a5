// Runs a command in private network, mount, process and IPC namespaces, and tells what was left of it afterwards.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { observeHost } from "./leftovers.ts";
import { registryAddress } from "./registry-address.ts";

export type NamespaceOptions = {
  /** The clone: read-only inside, but for `writable`. Absolute, without symbolic links. */
  readonly root: string;
  /** Folders below root, relative to it; made when missing. The only places where something outlives the run. */
  readonly writable: readonly string[];
  readonly command: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** An open file for all that the command prints; this process's own streams when absent. */
  readonly output?: number;
};

/** `exitCode` is the command's (128 + n when signal n ended it); `leftovers` has one line for each thing that stayed behind. */
export type NamespaceResult = { readonly exitCode: number; readonly leftovers: readonly string[] };

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * The command sees loopback alone, empty /tmp and /run, an /etc, /opt and /var whose changes are lost, an empty
 * /etc/docker, and `registryAddress`. Everything in it dies with the command, or with the caller. Needs root, iproute2
 * and util-linux. SIGINT, SIGTERM and SIGHUP are passed on to the command.
 */
export async function runInNamespace(options: NamespaceOptions): Promise<NamespaceResult> {
  const name = `mergedock-${process.pid}-${randomBytes(4).toString("hex")}`;
  for (const folder of options.writable) await mkdir(join(options.root, folder), { recursive: true });
  const host = await observeHost({ name, root: options.root });
  const child = start(name, options);
  const exit = exitCodeOf(child);
  const init = await initOf(child);
  const namespaces = init === undefined ? [] : await host.namespacesOf(init);
  const forward = (signal: NodeJS.Signals) => init !== undefined && kill(init, signal);
  for (const signal of signals) process.on(signal, forward);
  try {
    const exitCode = await exit;
    return { exitCode, leftovers: await host.leftovers(namespaces) };
  } finally {
    for (const signal of signals) process.off(signal, forward);
  }
}

function start(name: string, { root, writable, command, env, output }: NamespaceOptions): ChildProcess {
  const { ip, hostName } = registryAddress;
  const script = [join(import.meta.dirname, "namespace.sh"), name, root, ip, hostName, ...writable, "--", ...command];
  const flags = ["--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"];
  // A process group of its own, so that Ctrl-C reaches the command once: through `forward`.
  return spawn("setpriv", ["--pdeathsig", "KILL", "unshare", ...flags, "sh", ...script], {
    stdio: ["inherit", output ?? "inherit", output ?? "inherit"],
    detached: true,
    env: { ...cleanEnvironment(), ...env },
  });
}

/** Proxies, DOCKER_HOST, GIT_DIR or MERGEDOCK_* of the user must not steer what runs inside. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = ["LANG", "LC_ALL", "TERM", "COLORTERM", "NO_COLOR", "FORCE_COLOR", "CI", "TZ", "NODE_V8_COVERAGE"];
  const entries = kept.filter((key) => process.env[key] !== undefined).map((key) => [key, process.env[key]]);
  return { ...Object.fromEntries(entries), HOME: "/run/mergedock/home", PATH: `${process.env.PATH}:/usr/sbin:/sbin` };
}

async function exitCodeOf(child: ChildProcess): Promise<number> {
  await once(child, "exit");
  return child.exitCode ?? 128 + (child.signalCode === null ? 0 : constants.signals[child.signalCode]);
}

/** PID 1 of the namespaces as the host counts it, or undefined when the command was over before it could be seen. */
async function initOf(unshare: ChildProcess): Promise<number | undefined> {
  while (unshare.pid !== undefined && unshare.exitCode === null && unshare.signalCode === null) {
    const children = await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, "utf8").catch(() => "");
    const pid = Number.parseInt(children, 10);
    if (pid > 0) return pid;
    await delay(5);
  }
  return undefined;
}

function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended in this very moment; its exit code says the rest.
  }
}
