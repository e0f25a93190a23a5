// Lays out a commit in a worktree that stays in place between builds, with its submodules and its files of LFS.

import { rm } from "node:fs/promises";
import type { CheckoutRequest } from "../core/ports.ts";
import { gitIn } from "./git-command.ts";
import { layOutLfs } from "./git-lfs.ts";
import type { Place } from "./git-remote.ts";
import { gitText } from "./git-stream.ts";
import { joinSubmodules, type Whole } from "./git-submodules.ts";
import { readTree, type Tally, type TreeLimits } from "./git-tree.ts";

export interface LayOut {
  readonly place: Place;
  readonly request: CheckoutRequest;
  readonly sha: string;
  readonly worktree: string;
  /** Worktrees that this process has cleaned. */
  readonly known: Set<string>;
  readonly tally: Tally;
  readonly limits: TreeLimits;
}

/** Nothing is laid out before all of it was counted, but for the files of LFS: their pointers say how large they are. */
export async function layOutWhole(step: LayOut): Promise<void> {
  const { lfsHosts: hosts } = step.request.repository;
  const whole = await readWhole(step);
  await layOut(step, whole.tree);
  if (hosts !== null) await layOutLfs({ ...step, hosts, parts: whole.parts });
}

async function readWhole(step: LayOut): Promise<Whole> {
  const { place, request, sha, tally, limits } = step;
  const { repository, signal } = request;
  const isForLfs = repository.lfsHosts !== null;
  const tree = await readTree({ ...place, sha, name: repository.name, tally, limits, signal, isForLfs });
  const root = { prefix: "", url: repository.url, sha, tree };
  const hosts = repository.submoduleHosts;
  if (hosts !== null) return joinSubmodules({ ...step, hosts, root });
  if (tree.gitlinks.length > 0)
    request.log(
      `${tree.gitlinks.length} submodules are left out; "submodules: true" of ${repository.name} brings them`,
    );
  return { tree: sha, parts: [root] };
}

/** `tree`: the commit itself, or the tree that was made of it. */
async function layOut(step: LayOut, tree: string): Promise<void> {
  const { place, request, sha, worktree } = step;
  try {
    await reset(step, tree);
  } catch (_missingOrBroken) {
    request.signal.throwIfAborted();
    // A worktree that a killed process left half done is cheaper to make anew than to mend.
    await rm(worktree, { recursive: true, force: true });
    const git = gitIn(place.folder, place.mirror, request.signal);
    await git.raw(["worktree", "prune"]);
    await git.raw(["worktree", "add", "--detach", "--no-checkout", worktree, sha]);
    await reset(step, tree);
  }
}

/** Nothing but git writes into a worktree: what a reset does not remove is from before this process, or from a reset that was broken off. */
async function reset({ place, request, sha, worktree, known }: LayOut, tree: string): Promise<void> {
  const { folder } = place;
  const { signal } = request;
  const git = gitIn(folder, worktree, signal);
  // A reset that is broken off leaves files that the next one does not know: until it has ended well the worktree is not clean.
  const isClean = known.delete(worktree);
  if (tree === sha) await git.raw(["reset", "--hard", sha]);
  else await gitText({ folder, cwd: worktree, args: ["read-tree", "--reset", "-u", tree], signal });
  if (!isClean) await git.raw(["clean", "-ffdx"]);
  known.add(worktree);
}
