// Looks at the host from the outside: which processes, mounts, control groups and network interfaces a namespace left.

import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export type Host = {
  /** The identities of the namespaces that this process does not share with its host. */
  namespacesOf(pid: number): Promise<readonly string[]>;
  /** Removes the empty control groups, then says in one line each what is there that was not before. */
  leftovers(namespaces: readonly string[]): Promise<readonly string[]>;
};

const cgroupRoot = "/sys/fs/cgroup";
const kinds = ["pid", "net", "mnt", "ipc"] as const;
const settleMs = 5_000;

/** `name` is that of the namespace and of its engines' control groups, `mergedock-<pid of the caller>-...`; `root` is the clone. */
export async function observeHost({ name, root }: { name: string; root: string }): Promise<Host> {
  await removeStaleControlGroups();
  const before = { mounts: await mounts(root), interfaces: await readdir("/sys/class/net") };
  async function look(namespaces: readonly string[]): Promise<string[]> {
    await removeControlGroups(name);
    return [
      ...(await processesIn(namespaces)).map((line) => `process ${line}`),
      ...(await mounts(root)).filter((line) => !before.mounts.includes(line)).map((line) => `mount ${line}`),
      ...(await controlGroups(name)).map((path) => `control group ${path}`),
      ...(await readdir("/sys/class/net"))
        .filter((item) => !before.interfaces.includes(item))
        .map((item) => `network interface ${item}`),
    ];
  }
  return {
    namespacesOf: async (pid) =>
      (await Promise.all(kinds.map((kind) => identity(pid, kind)))).filter((id) => id !== ""),
    leftovers: (namespaces) => settled(() => look(namespaces)),
  };
}

/** The kernel takes a moment to bury what it has killed. */
async function settled(look: () => Promise<string[]>): Promise<string[]> {
  const deadline = performance.now() + settleMs;
  let left = await look();
  while (left.length > 0 && performance.now() < deadline) {
    await delay(50);
    left = await look();
  }
  return left;
}

async function identity(pid: number | string, kind: string): Promise<string> {
  const own = await readlink(`/proc/self/ns/${kind}`);
  const other = await readlink(`/proc/${pid}/ns/${kind}`).catch(() => own);
  return other === own ? "" : other;
}

async function processesIn(namespaces: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    const identities = await Promise.all(kinds.map((kind) => identity(pid, kind)));
    if (!identities.some((id) => namespaces.includes(id))) continue;
    const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    found.push(`${pid} ${command.replaceAll("\0", " ").trim()}`);
  }
  return found;
}

async function mounts(root: string): Promise<string[]> {
  const lines = (await readFile("/proc/self/mounts", "utf8")).split("\n");
  return lines.filter((line) => line.includes(root) || line.includes("mergedock"));
}

/** Version 1 has a tree for each controller, version 2 has one. */
async function controlGroupTrees(): Promise<string[]> {
  const entries = await readdir(cgroupRoot, { withFileTypes: true }).catch(() => []);
  return [cgroupRoot, ...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(cgroupRoot, name))];
}

/** Deepest first, so that they can be removed in this order. */
async function controlGroups(name: string): Promise<string[]> {
  const found = await Promise.all((await controlGroupTrees()).map((tree) => foldersBelow(join(tree, name))));
  return found.flat();
}

async function foldersBelow(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [];
  const folders = entries.filter((entry) => entry.isDirectory());
  const below = await Promise.all(folders.map((entry) => foldersBelow(join(path, entry.name))));
  return [...below.flat(), path];
}

/** One that still holds a process cannot be removed; whoever looks next will see it. */
async function removeControlGroups(name: string): Promise<void> {
  for (const path of await controlGroups(name)) await rmdir(path).catch(() => undefined);
}

/** A caller that was killed with SIGKILL could not remove those of its namespace. */
async function removeStaleControlGroups(): Promise<void> {
  const names = (await Promise.all((await controlGroupTrees()).map((tree) => readdir(tree).catch(() => [])))).flat();
  for (const name of new Set(names)) {
    const caller = name.match(/^mergedock-(\d+)-/)?.[1];
    if (caller !== undefined && !existsSync(`/proc/${caller}`)) await removeControlGroups(name);
  }
}
