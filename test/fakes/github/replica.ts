// Replicas that lag: git over HTTP and the API read a copy of the repository from before the merge, for a while.

import { cp, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { git } from "../../../lab/git.ts";
import type { FakeRepository, FakeState } from "./state.ts";

export interface Replica {
  /** The bare repository as it was. */
  readonly folder: string;
  /** Below the root of all repositories: `/replicas/7/acme/shop.git`. */
  readonly path: string;
  untilMs: number;
}

/** Runs what changes the repository; nobody outside sees it before the lag has passed. Time of the machine, not of the fake's clock. */
export async function withLag<T>(
  state: FakeState,
  root: string,
  repository: FakeRepository,
  change: () => Promise<T>,
): Promise<T> {
  if (state.lagMs === 0) return change();
  const replica = behind(repository) ?? (await copy(state, root, repository));
  replica.untilMs = Number.POSITIVE_INFINITY;
  repository.replica = replica;
  try {
    return await change();
  } finally {
    replica.untilMs = performance.now() + state.lagMs;
  }
}

/** The replicas have caught up at last. */
export function endLag({ replica }: FakeRepository): void {
  if (replica !== null) replica.untilMs = 0;
}

/** What is looked at instead of the repository, where that lags. */
export function behind({ replica }: FakeRepository): Replica | null {
  return replica !== null && replica.untilMs > performance.now() ? replica : null;
}

/** Whether there is such a commit, as far as the outside knows by now. */
export async function hasCommit(repository: FakeRepository, sha: string): Promise<boolean> {
  if (!/^[0-9a-f]{40}$/.test(sha)) return false;
  const cwd = behind(repository)?.folder ?? repository.git.folder;
  return git(["cat-file", "-e", `${sha}^{commit}`], { cwd }).then(
    () => true,
    () => false,
  );
}

async function copy({ nextId }: FakeState, root: string, { name, git: { folder } }: FakeRepository): Promise<Replica> {
  const path = `/replicas/${nextId()}/${name}.git`;
  const to = join(root, path);
  await mkdir(dirname(to), { recursive: true });
  await cp(folder, to, { recursive: true });
  return { folder: to, path, untilMs: 0 };
}
