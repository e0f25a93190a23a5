// The control group under which the lab's engines run their steps and containers: their `cgroup-parent`.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { currentNamespace } from "../../lab/current-namespace.ts";

export interface GroupLimits {
  readonly processes?: number;
  readonly memoryBytes?: number;
}

/** Lets all that lives in it have no more than this while `work` runs. */
export async function withGroupLimits<T>({ processes, memoryBytes }: GroupLimits, work: () => Promise<T>): Promise<T> {
  const given = [
    ...(processes === undefined ? [] : [await open("pids", "pids.max", "max", processes)]),
    ...(memoryBytes === undefined ? [] : [await openMemory(memoryBytes)]),
  ];
  try {
    return await work();
  } finally {
    for (const restore of given) await restore();
  }
}

/** Version 1 has a tree for each controller, version 2 has one. */
const isFirstVersion = existsSync("/sys/fs/cgroup/memory");

async function openMemory(bytes: number): Promise<() => Promise<void>> {
  return isFirstVersion ? open("memory", "memory.limit_in_bytes", "-1", bytes) : open("", "memory.max", "max", bytes);
}

/** Returns what takes the limit away again. */
async function open(controller: string, file: string, unlimited: string, value: number): Promise<() => Promise<void>> {
  const group = join("/sys/fs/cgroup", isFirstVersion ? controller : "", await currentNamespace());
  await mkdir(group, { recursive: true });
  await writeFile(join(group, file), String(value));
  return () => writeFile(join(group, file), unlimited);
}
