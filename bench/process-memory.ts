// Memory of processes as Linux counts it, in MiB.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Resident now, or the most that it ever was. */
export async function residentMib(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  return (await readKib(pid, "status", field)) / 1024;
}

/** The postmaster whose pid the data folder names, and its children, with shared pages counted once (PSS). */
export async function postgresMib(dataFolder: string): Promise<number> {
  const postmaster = Number.parseInt(await readFile(path.join(dataFolder, "postmaster.pid"), "utf8"), 10);
  const family = [postmaster, ...(await childrenOf(postmaster))];
  // A backend that ends meanwhile has none any more.
  const kib = await Promise.all(family.map((pid) => readKib(pid, "smaps_rollup", "Pss").catch(() => 0)));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

export async function childrenOf(pid: number): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const parents = await Promise.all(
    pids.map(async (one) => [one, await readKib(one, "status", "PPid").catch(() => 0)] as const),
  );
  return parents.filter(([, parent]) => parent === pid).map(([one]) => one);
}

async function readKib(pid: number, file: string, name: string): Promise<number> {
  const text = await readFile(`/proc/${pid}/${file}`, "utf8");
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1]);
}
