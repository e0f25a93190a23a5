// What processes use, as Linux counts it: memory in MiB, processor time in ms.

import { readdir, readFile } from "node:fs/promises";
import path from "node:path";

/** Resident now, or the most that it ever was. */
export async function residentMib(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  return (await readKib(pid, "status", field)) / 1024;
}

/** The postmaster whose pid the data folder names, and its children, with shared pages counted once (PSS). */
export async function postgresMib(dataFolder: string): Promise<number> {
  const family = await postgresFamily(dataFolder);
  // A backend that ends meanwhile has none any more.
  const kib = await Promise.all(family.map((pid) => readKib(pid, "smaps_rollup", "Pss").catch(() => 0)));
  return kib.reduce((sum, one) => sum + one, 0) / 1024;
}

/** Of the postmaster, its children, and those that have ended. */
export async function postgresCpuMs(dataFolder: string): Promise<number> {
  const ms = await Promise.all((await postgresFamily(dataFolder)).map((pid) => cpuMs(pid).catch(() => 0)));
  return ms.reduce((sum, one) => sum + one, 0);
}

/** With that of its children that have ended. */
export async function cpuMs(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // After the name, which may hold anything: utime, stime, cutime and cstime are the fields 14 to 17, in ticks of 10 ms.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

async function postgresFamily(dataFolder: string): Promise<number[]> {
  const postmaster = Number.parseInt(await readFile(path.join(dataFolder, "postmaster.pid"), "utf8"), 10);
  return [postmaster, ...(await childrenOf(postmaster))];
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
