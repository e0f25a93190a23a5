// Lists the processes of the tests' namespace and the ports and sockets on which this process listens, from /proc.

import { readdir, readFile, readlink } from "node:fs/promises";

export type Process = {
  readonly pid: number;
  readonly parent: number;
  /** Pids are used again: with its start time a process is one of a kind. */
  readonly key: string;
  readonly command: string;
};

/** All but PID 1, this process and the dead that wait to be reaped. */
export async function processes(): Promise<Process[]> {
  const pids = (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry)).map(Number);
  const all = await Promise.all(pids.filter((pid) => pid !== 1 && pid !== process.pid).map(read));
  return all.filter((item) => item !== undefined);
}

async function read(pid: number): Promise<Process | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // proc(5): `pid (name) state parent ... `, where the name may hold blanks and parentheses; field 22 is the start time.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (stat === "" || fields[0] === "Z" || fields[0] === "X") return undefined;
  const command = (await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")).replaceAll("\0", " ").trim();
  return { pid, parent: Number(fields[1]), key: `${pid}@${fields[19]}`, command };
}

/** Those that are neither in `before` nor below one of it: what a server started for itself is the server's business. */
export function newcomers(now: readonly Process[], before: readonly Process[]): Process[] {
  const known = new Set(before.map(({ key }) => key));
  const byPid = new Map(now.map((item) => [item.pid, item]));
  function belongs(item: Process | undefined): boolean {
    return item !== undefined && (known.has(item.key) || belongs(byPid.get(item.parent)));
  }
  return now.filter((item) => !belongs(item));
}

export async function listeners(): Promise<string[]> {
  const links = await readdir("/proc/self/fd").then((fds) =>
    Promise.all(fds.map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""))),
  );
  const inodes = new Set(links.flatMap((link) => link.match(/^socket:\[(\d+)\]$/)?.[1] ?? []));
  const [tcp, tcp6, unix] = await Promise.all(["tcp", "tcp6", "unix"].map((name) => rows(`/proc/self/net/${name}`)));
  return [
    // Columns: slot, local address, remote address, state (0A: listening), ..., inode.
    ...[...(tcp ?? []), ...(tcp6 ?? [])]
      .filter((row) => row[3] === "0A" && inodes.has(row[9] ?? ""))
      .map((row) => `a server on port ${Number.parseInt(row[1]?.split(":")[1] ?? "", 16)}`),
    // Columns: slot, references, protocol, flags (00010000: listening), type, state, inode, path.
    ...(unix ?? [])
      .filter((row) => row[3] === "00010000" && inodes.has(row[6] ?? ""))
      .map((row) => `a server on ${row[7] ?? "a nameless socket"}`),
  ];
}

async function rows(file: string): Promise<string[][]> {
  const lines = (await readFile(file, "utf8")).split("\n").slice(1);
  return lines.map((line) => line.trim().split(/\s+/));
}
