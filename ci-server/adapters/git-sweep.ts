// Removes mirrors and worktrees that no build needs any more: of repositories that are not configured, or were not built for long.

import { readdir, readFile, rm, stat } from "node:fs/promises";
import path from "node:path";
import type { FolderSweep } from "../core/ports.ts";
import { keep, type PruneItem, remove, type Verdict } from "../core/prune.ts";
import type { Slots, Turns } from "./turns.ts";

/** What the checkouts of this process share. */
export interface CheckoutFolders {
  readonly folder: string;
  /** Worktrees that this process has cleaned. */
  readonly known: Set<string>;
  readonly mirrors: Turns;
  readonly worktrees: Slots;
}

const dayMs = 24 * 3600 * 1000;

/**
 * A worktree goes while its number is held here, so that no build takes it; the mirror while its turn is taken, and only
 * when no build holds a worktree of it. What is half removed by a process that is killed is made anew by the next build.
 */
export async function sweepFolders(shared: CheckoutFolders, request: FolderSweep): Promise<PruneItem[]> {
  const items: PruneItem[] = [];
  const inUse = new Set<string>();
  for (const found of await findWorktrees(shared.folder)) {
    request.signal.throwIfAborted();
    const item = await sweepWorktree(shared, request, found);
    if (item.verdict === "keep") inUse.add(found.name);
    items.push(item);
  }
  for (const name of await findMirrors(shared.folder)) {
    request.signal.throwIfAborted();
    items.push(await sweepMirror(shared, request, { name, hasWorktree: inUse.has(name) }));
  }
  return items;
}

interface Worktree {
  readonly name: string;
  readonly slot: number;
  readonly worktree: string;
}

async function findWorktrees(folder: string): Promise<Worktree[]> {
  return (await twoLevels(path.join(folder, "worktrees"))).map((entry) => {
    // No repository's name holds an @.
    const [name = "", slot = "0"] = entry.split("@");
    return { name, slot: Number(slot), worktree: path.join(folder, "worktrees", entry) };
  });
}

async function findMirrors(folder: string): Promise<string[]> {
  const entries = await twoLevels(path.join(folder, "mirrors"));
  return entries.filter((entry) => entry.endsWith(".git")).map((entry) => entry.slice(0, -".git".length));
}

/** `owner/name` of all that is there. */
async function twoLevels(folder: string): Promise<string[]> {
  const owners = await readdir(folder).catch(() => []);
  const entries = owners.map(async (owner) => {
    const names = await readdir(path.join(folder, owner)).catch(() => []);
    return names.map((name) => `${owner}/${name}`);
  });
  return (await Promise.all(entries)).flat().sort();
}

async function sweepWorktree(
  { folder, known, worktrees }: CheckoutFolders,
  request: FolderSweep,
  { name, slot, worktree }: Worktree,
): Promise<PruneItem> {
  const what = `worktree ${path.relative(folder, worktree)}`;
  if (!worktrees.claim(name, slot)) return toItem(what, keep("a build uses it"));
  try {
    const verdict = judge(name, await lastUse(worktree), request);
    if (verdict.verdict === "keep" || request.dryRun) return toItem(what, verdict);
    known.delete(worktree);
    return await toRemoved(what, verdict, worktree);
  } finally {
    worktrees.free(name, slot);
  }
}

/** A mirror is used as long as it has a worktree. */
async function sweepMirror(
  { folder, mirrors, worktrees }: CheckoutFolders,
  request: FolderSweep,
  { name, hasWorktree }: { readonly name: string; readonly hasWorktree: boolean },
): Promise<PruneItem> {
  const mirror = path.join(folder, "mirrors", `${name}.git`);
  const what = `mirror ${path.relative(folder, mirror)}`;
  if (hasWorktree || worktrees.isHeld(name)) return toItem(what, keep("it has a worktree that stays"));
  const verdict = judge(name, await lastUse(mirror), request);
  if (verdict.verdict === "keep" || request.dryRun) return toItem(what, verdict);
  return mirrors.take(name, request.signal, async () =>
    worktrees.isHeld(name) ? toItem(what, keep("a build uses it")) : toRemoved(what, verdict, mirror),
  );
}

function judge(name: string, usedAt: Date, { repositories, daysMax, now }: FolderSweep): Verdict {
  if (!repositories.some((one) => one.toLowerCase() === name)) return remove(`${name} is not configured any more`);
  const limit = `${daysMax} days (limits.worktree_days_max)`;
  const isOld = now.getTime() - usedAt.getTime() > daysMax * dayMs;
  return isOld ? remove(`not used for ${limit}`) : keep(`used in the last ${limit}`);
}

/** Every checkout writes the index of its worktree, which lies in the mirror; what the mirror fetches it notes in its refs. */
async function lastUse(folder: string): Promise<Date> {
  const link = await readFile(path.join(folder, ".git"), "utf8").catch(() => "");
  const ofMirror = /^gitdir: (.+)$/m.exec(link)?.[1];
  const files = [folder, path.join(folder, "refs/mergedock"), ...(ofMirror ? [path.join(ofMirror, "index")] : [])];
  const times = files.map((file) =>
    stat(file).then(
      ({ mtimeMs }) => mtimeMs,
      () => 0,
    ),
  );
  return new Date(Math.max(...(await Promise.all(times))));
}

async function toRemoved(what: string, verdict: Verdict, folder: string): Promise<PruneItem> {
  try {
    await rm(folder, { recursive: true, force: true });
    return toItem(what, verdict);
  } catch (cause) {
    return { ...toItem(what, verdict), problem: (cause as Error).message }; // node:fs rejects with errors
  }
}

function toItem(what: string, verdict: Verdict): PruneItem {
  return { what, ...verdict, bytes: null, problem: null };
}
