// Brings exactly one commit of a configured repository onto the disk: a bare mirror fetched by one refspec, and a worktree
// that stays in place between builds, so that a merge costs its delta only.

import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SimpleGit } from "simple-git";
import type { MergeRange } from "../core/merge-range.ts";
import type { Checkout, CheckoutRequest, Git, SourceFolders } from "../core/ports.ts";
import { isAncestor } from "./git-ancestry.ts";
import { hasBranch } from "./git-branches.ts";
import { both, gitIn } from "./git-command.ts";
import { checkNames, fetchAgain, fetchWhole } from "./git-fetch.ts";
import { readFile } from "./git-objects.ts";
import { sweepFolders } from "./git-sweep.ts";
import { Slots, Turns } from "./turns.ts";

/** Names a tree that every git knows. */
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

export interface GitOptions {
  /** Mirrors, worktrees and git's own HOME go here. */
  readonly folder: string;
  /** Schemes of the configured URLs: git may speak these and no others. */
  readonly protocols: readonly string[];
  /** Below this rate for this long a transfer is given up. */
  readonly lowSpeedBytesPerSecond: number;
  readonly lowSpeedSeconds: number;
}

export async function createGit(options: GitOptions): Promise<Git & SourceFolders> {
  const home = path.join(options.folder, "home");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(path.join(home, ".gitconfig"), gitConfig(options), { mode: 0o600 });
  const shared = { folder: options.folder, known: new Set<string>(), mirrors: new Turns(), worktrees: new Slots() };
  return {
    checkout: (request) => checkout(shared, request),
    hasBranch: (repository, branch, signal) => hasBranch(options.folder, { repository, branch, signal }),
    sweep: (request) => sweepFolders(shared, request),
  };
}

/** What all checkouts of this process share. */
interface Shared {
  readonly folder: string;
  /** Worktrees that this process has cleaned. */
  readonly known: Set<string>;
  readonly mirrors: Turns;
  readonly worktrees: Slots;
}

/** git reads this file and no other configuration: neither the machine's nor the user's. */
function gitConfig(options: GitOptions): string {
  return [
    "[core]\n\thooksPath = /dev/null\n\tautocrlf = false",
    "[init]\n\ttemplateDir =\n\tdefaultBranch = main",
    "[fetch]\n\tfsckObjects = true\n\trecurseSubmodules = false",
    "[gc]\n\tautoDetach = false",
    "[maintenance]\n\tautoDetach = false",
    `[http]\n\tfollowRedirects = false\n\tlowSpeedLimit = ${options.lowSpeedBytesPerSecond}\n\tlowSpeedTime = ${options.lowSpeedSeconds}`,
    "[protocol]\n\tallow = never",
    ...options.protocols.map((protocol) => `[protocol "${protocol}"]\n\tallow = always`),
    "",
  ].join("\n");
}

async function checkout({ worktrees, mirrors, ...shared }: Shared, request: CheckoutRequest): Promise<Checkout> {
  checkNames(request);
  const name = request.repository.name.toLowerCase();
  const slot = worktrees.take(name);
  const release = () => worktrees.free(name, slot);
  try {
    // No repository's name holds an @.
    const worktree = path.join(shared.folder, "worktrees", slot === 0 ? name : `${name}@${slot}`);
    // Two fetches into one mirror would be in each other's way.
    const fetched = await mirrors.take(name, request.signal, () =>
      fetchAndLayOut({ ...shared, name, worktree }, request),
    );
    const open = () => gitIn(shared.folder, mirrorOf(shared.folder, name), request.signal);
    const fetch = () => mirrors.take(name, request.signal, () => fetchAgain(open(), request));
    const ancestry = { open, fetch, signal: request.signal };
    return { ...fetched, release, isAncestor: (sha, of) => isAncestor(ancestry, sha, of) };
  } catch (cause) {
    release();
    throw cause;
  }
}

function mirrorOf(folder: string, name: string): string {
  return path.join(folder, "mirrors", `${name}.git`);
}

interface Place {
  readonly folder: string;
  readonly known: Set<string>;
  readonly name: string;
  readonly worktree: string;
}

async function fetchAndLayOut(
  { folder, known, name, worktree }: Place,
  request: CheckoutRequest,
): Promise<Omit<Checkout, "release" | "isAncestor">> {
  const { repository, signal } = request;
  const mirror = mirrorOf(folder, name);
  request.log(`fetching ${request.ref} of ${repository.url}`);
  const open = () => gitIn(folder, mirror, signal);
  const { commit, range } = await fetchWhole(open, mirror, request);
  const { sha, committedAt } = commit;
  // The worktree's files and the list of changes are two processes that need nothing of each other.
  const [, files] = await both(
    layOut({ git: open(), folder, worktree, sha, known, signal }),
    range === null ? null : listChanges(open(), range, sha),
  );
  request.log(`${sha} is laid out`);
  const read = (file: string, bytesMax: number) => readFile(open(), { sha, path: file, bytesMax });
  return { sha, folder: worktree, committedAt, merge: range && files && { ...range, files }, read };
}

/** All files that differ between the two; `-z` leaves their names as they are. */
async function listChanges(git: SimpleGit, { since }: MergeRange, sha: string): Promise<string[]> {
  const text = await git.raw(["diff-tree", "-r", "-z", "--name-only", "--no-renames", since ?? emptyTree, sha, "--"]);
  return text.split("\0").filter((file) => file !== "");
}

interface LayOut {
  readonly git: SimpleGit;
  readonly folder: string;
  readonly worktree: string;
  readonly sha: string;
  /** Worktrees that this process has cleaned. */
  readonly known: Set<string>;
  readonly signal: AbortSignal;
}

async function layOut(step: LayOut): Promise<void> {
  try {
    await reset(step);
  } catch (_missingOrBroken) {
    step.signal.throwIfAborted();
    // A worktree that a killed process left half done is cheaper to make anew than to mend.
    await rm(step.worktree, { recursive: true, force: true });
    await step.git.raw(["worktree", "prune"]);
    await step.git.raw(["worktree", "add", "--detach", "--no-checkout", step.worktree, step.sha]);
    await reset(step);
  }
}

/** Nothing but git writes into a worktree: what a reset does not remove is from before this process, or from a reset that was broken off. */
async function reset({ folder, worktree, sha, known, signal }: LayOut): Promise<void> {
  const git = gitIn(folder, worktree, signal);
  // A reset that is broken off leaves files that the next one does not know: until it has ended well the worktree is not clean.
  const isClean = known.delete(worktree);
  await git.raw(["reset", "--hard", sha]);
  if (!isClean) await git.raw(["clean", "-ffdx"]);
  known.add(worktree);
}
