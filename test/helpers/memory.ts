// How much memory a process takes.

import { readFile, writeFile } from "node:fs/promises";

/** By how many bytes the process's memory grew at most while `work` ran. */
export async function memoryGrowth(pid: number, work: () => Promise<unknown>): Promise<number> {
  const proc = `/proc/${pid}`;
  const read = async (field: string) =>
    1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(await readFile(`${proc}/status`, "utf8"))?.[1]);
  // proc(5), clear_refs: 5 sets the peak back to what is resident now.
  await writeFile(`${proc}/clear_refs`, "5");
  const before = await read("VmRSS");
  await work();
  return (await read("VmHWM")) - before;
}
