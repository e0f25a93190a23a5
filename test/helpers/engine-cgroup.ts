// The control group under which the lab's engines run their steps and containers: their `cgroup-parent`.

import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { currentNamespace } from "../../lab/current-namespace.ts";

export interface GroupLimits {
  readonly processes?: number;
  readonly memoryBytes?: number;
  /** Of one processor: 1.5 is one and a half. */
  readonly processors?: number;
}

/** Lets all that lives in it have no more than this while `work` runs. */
export async function withGroupLimits<T>(limits: GroupLimits, work: () => Promise<T>): Promise<T> {
  const { processes, memoryBytes, processors } = limits;
  const given: (() => Promise<void>)[] = [];
  try {
    if (processes !== undefined) given.push(await open("pids", "pids.max", "max", processes));
    if (memoryBytes !== undefined) given.push(await openMemory(memoryBytes));
    if (processors !== undefined) given.push(await openProcessors(processors * periodUs));
    return await work();
  } finally {
    for (const restore of given) await restore();
  }
}

/** Version 1 has a tree for each controller, version 2 has one. */
const isFirstVersion = existsSync("/sys/fs/cgroup/memory");
/** The kernel's own. */
const periodUs = 100_000;

function openMemory(bytes: number): Promise<() => Promise<void>> {
  return isFirstVersion ? open("memory", "memory.limit_in_bytes", "-1", bytes) : open("", "memory.max", "max", bytes);
}

function openProcessors(quotaUs: number): Promise<() => Promise<void>> {
  return isFirstVersion ? open("cpu", "cpu.cfs_quota_us", "-1", quotaUs) : open("", "cpu.max", "max", quotaUs);
}

/** Returns what takes the limit away again. */
async function open(controller: string, file: string, unlimited: string, value: number): Promise<() => Promise<void>> {
  const group = join("/sys/fs/cgroup", isFirstVersion ? controller : "", await currentNamespace());
  await mkdir(group, { recursive: true });
  await writeFile(join(group, file), String(value));
  return () => writeFile(join(group, file), unlimited);
}
