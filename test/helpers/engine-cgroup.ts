// The control group under which the lab's engines run their steps and containers: their `cgroup-parent`.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { currentNamespace } from "../../lab/current-namespace.ts";

/** Lets no more than `count` processes live in it while `work` runs. */
export async function withPidsMax<T>(count: number, work: () => Promise<T>): Promise<T> {
  const name = await currentNamespace();
  // Version 1 has a tree for each controller, version 2 has one.
  const tree = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].find((folder) => existsSync(folder)) ?? "";
  const group = join(tree, name);
  await mkdir(group, { recursive: true });
  await writeFile(join(group, "pids.max"), String(count));
  try {
    return await work();
  } finally {
    await writeFile(join(group, "pids.max"), "max");
  }
}
