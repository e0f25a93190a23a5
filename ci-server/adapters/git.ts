// Brings exactly one commit of a configured repository onto the disk: a bare mirror fetched by one refspec, and a worktree
// that stays in place between builds, so that a merge costs its delta only.

import { createHash } from "node:crypto";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";
import { type MergedCommit, type MergeRange, mergeRange } from "../core/merge-range.ts";
import type { Checkout, CheckoutRequest, Git } from "../core/ports.ts";
import { toGitError } from "./git-error.ts";
import { Slots, Turns } from "./turns.ts";

const shaPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Names a tree that every git knows. */
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
/** One name for the commits of whichever pull request is fetched: a name for each would make every fetch slower for ever. */
const headName = "refs/mergedock/head";
/** Far above what any forge rebases. */
const commitsMax = 10_000;
const refPattern = /^(?!-)(?!.*\.\.)(?!.*\/\/)[A-Za-z0-9._/+@=-]{1,250}$/;

export interface GitOptions {
  /** Mirrors, worktrees and git's own HOME go here. */
  readonly folder: string;
  /** Schemes of the configured URLs: git may speak these and no others. */
  readonly protocols: readonly string[];
  /** Below this rate for this long a transfer is given up. */
  readonly lowSpeedBytesPerSecond: number;
  readonly lowSpeedSeconds: number;
}

export async function createGit(options: GitOptions): Promise<Git> {
  const home = path.join(options.folder, "home");
  await mkdir(home, { recursive: true, mode: 0o700 });
  await writeFile(path.join(home, ".gitconfig"), gitConfig(options), { mode: 0o600 });
  const shared = { folder: options.folder, known: new Set<string>(), mirrors: new Turns(), worktrees: new Slots() };
  return { checkout: (request) => checkout(shared, request) };
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
    const fetched = await mirrors.take(name, () => fetchAndLayOut({ ...shared, name, worktree }, request));
    return { ...fetched, release };
  } catch (cause) {
    release();
    throw cause;
  }
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
): Promise<Omit<Checkout, "release">> {
  const { repository, signal } = request;
  signal.throwIfAborted();
  const mirror = path.join(folder, "mirrors", `${name}.git`);
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
  return { sha, folder: worktree, committedAt, merge: range && files && { ...range, files } };
}

/** Waits for both, whatever becomes of one of them: nothing runs on after a failure. */
async function both<A, B>(one: Promise<A>, other: Promise<B> | null): Promise<[A, B | null]> {
  await Promise.allSettled([one, other]);
  return [await one, await other];
}

/** A mirror that a killed process left locked or broken is made anew: everything in it is at the remote. */
async function fetchWhole(open: () => SimpleGit, mirror: string, request: CheckoutRequest): Promise<Fetched> {
  for (const isLast of [false, true]) {
    await makeMirror(open, mirror);
    try {
      return await fetchCommit(open, request);
    } catch (error) {
      if (isLast || !(error instanceof AppError) || error.details.brokenMirror !== true) throw error;
      await rm(mirror, { recursive: true, force: true });
    }
  }
  throw new AppError("internal", "a mirror is made anew at most once");
}

function checkNames({ ref, sha, merge }: CheckoutRequest): void {
  if (!refPattern.test(ref)) throw new AppError("invalid", `"${ref}" is not a branch, tag or commit`);
  if (sha !== null && !shaPattern.test(sha)) throw new AppError("invalid", `"${sha}" is not a commit id`);
  const headRef = merge?.headRef ?? null;
  if (headRef !== null && !(headRef.startsWith("refs/") && refPattern.test(headRef)))
    throw new AppError("invalid", `"${headRef}" is not the ref of a pull request`);
}

async function makeMirror(open: () => SimpleGit, mirror: string): Promise<void> {
  await mkdir(mirror, { recursive: true, mode: 0o700 });
  const isThere = await access(path.join(mirror, "HEAD")).then(
    () => true,
    () => false,
  );
  if (!isThere) await open().raw(["init", "--quiet", "--bare"]);
}

/** simple-git waits 50 ms for a command that prints nothing: on the way of every build they are all made to print. */
function gitIn(folder: string, baseDir: string, signal: AbortSignal): SimpleGit {
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: path.join(folder, "home"),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
  };
  const allowEnvironment = ["GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT"];
  return simpleGit({ baseDir, abort: signal, allowEnvironment, errors: failedWhenNotZero }).env(env);
}

/** simple-git takes an exit code other than 0 for a success when stderr is empty, as `merge-base --is-ancestor` leaves it. */
function failedWhenNotZero(
  error: Buffer | Error | undefined,
  { exitCode, stdErr }: { readonly exitCode: number; readonly stdErr: readonly Buffer[] },
): Buffer | Error | undefined {
  if (error !== undefined || exitCode === 0) return error;
  return stdErr.length > 0 ? Buffer.concat(stdErr) : Buffer.from(`git ended with ${exitCode}`);
}

interface Commit extends MergedCommit {
  readonly committedAt: Date;
}

/** `range` is null where nobody asked for it. */
interface Fetched {
  readonly commit: Commit;
  readonly range: MergeRange | null;
}

/** The commit of a merge has to be on its base branch; for any other request the ref says which commit it is. */
async function fetchCommit(open: () => SimpleGit, request: CheckoutRequest): Promise<Fetched> {
  const { sha, merge } = request;
  const git = open();
  if (sha === null) return { commit: await fetchRef(git, request), range: null };
  const { branch, head } = await fetchMerge(git, request);
  const commits = Math.min(merge?.commits ?? 0, commitsMax);
  const line = await readCommits(git, ["--first-parent", `--max-count=${commits + 1}`, sha]).catch(() => []);
  const [commit, ...before] = line;
  request.signal.throwIfAborted();
  if (commit === undefined) throw notYet(request);
  const isAsked = head !== null && commit.parents.length === 1;
  const [, own] = await both(
    checkBranch(git, request, branch),
    isAsked ? readCommits(open(), [`--max-count=${commitsMax}`, `${sha}..${head}`]) : null,
  );
  const evidence = { line: [commit, ...before], commits, headSha: merge?.headSha ?? null, own: own ?? [] } as const;
  return { commit, range: merge === null ? null : mergeRange(evidence) };
}

async function checkBranch(git: SimpleGit, request: CheckoutRequest, branch: string): Promise<void> {
  const { ref, sha, merge, repository, signal } = request;
  // Two histories without a common commit have none: git ends with 1.
  const base = await git.raw(["merge-base", String(sha), branch]).catch(() => "");
  signal.throwIfAborted();
  if (base.trim() === sha) return;
  // The head of a pull request is here before its branch is, where a replica lags.
  if (merge?.headSha === sha) throw notYet(request);
  throw new AppError("conflict", `${sha} is not on ${ref} of ${repository.name}; it is not built`);
}

function notYet({ ref, sha, repository }: CheckoutRequest): AppError {
  const message = `${repository.name} does not have ${sha} on ${ref} yet; a forge's replicas may lag behind for some seconds`;
  return new AppError("unavailable", message, { details: { replicaLag: true } });
}

/** Rejects when there is no such commit. */
async function readCommits(git: SimpleGit, args: readonly string[]): Promise<Commit[]> {
  const text = await git.raw(["log", "-z", "--format=%H%n%P%n%cI%n%ae%n%at%n%B", ...args, "--"]);
  return text.split("\0").flatMap((record) => (record === "" ? [] : [toCommit(record)]));
}

function toCommit(record: string): Commit {
  const [sha = "", parents = "", committedAt = "", ...authorship] = record.split("\n");
  return {
    sha,
    parents: parents.split(" ").filter((parent) => parent !== ""),
    committedAt: new Date(committedAt),
    // What rewrites a commit may take away blank lines at the end of its message.
    authorship: authorship.join("\n").trimEnd(),
  };
}

/** All files that differ between the two; `-z` leaves their names as they are. */
async function listChanges(git: SimpleGit, { since }: MergeRange, sha: string): Promise<string[]> {
  const text = await git.raw(["diff-tree", "-r", "-z", "--name-only", "--no-renames", since ?? emptyTree, sha, "--"]);
  return text.split("\0").filter((file) => file !== "");
}

async function fetchRef(git: SimpleGit, request: CheckoutRequest): Promise<Commit> {
  const { ref } = request;
  const candidates = shaPattern.test(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  for (const [index, candidate] of candidates.entries()) {
    try {
      const local = localName(candidate);
      await fetchInto(git, request, [`+${candidate}:${local}`]);
      const [commit] = await readCommits(git, ["--max-count=1", `${local}^{commit}`]);
      if (commit !== undefined) return commit;
    } catch (error) {
      const isLast = index === candidates.length - 1;
      if (isLast || !(error instanceof AppError) || error.code !== "not_found") throw error;
    }
  }
  throw new AppError("internal", "no candidate for a ref");
}

/** The names under which the mirror now has the branch, and the pull request's own commits where the remote has them. */
async function fetchMerge(git: SimpleGit, request: CheckoutRequest): Promise<{ branch: string; head: string | null }> {
  const remote = `refs/heads/${request.ref}`;
  const branch = localName(remote);
  const headRef = request.merge?.headRef ?? null;
  if (headRef !== null) {
    try {
      await fetchInto(git, request, [`+${remote}:${branch}`, `+${headRef}:${headName}`]);
      return { branch, head: headName };
    } catch (error) {
      // They only say how it was merged: without them, or with some that git's own check refuses, it is built all the same.
      if (!(error instanceof AppError) || !["not_found", "invalid"].includes(error.code)) throw error;
    }
  }
  await fetchInto(git, request, [`+${remote}:${branch}`]);
  return { branch, head: null };
}

/** A flat name for a remote's ref, so that no two names are in each other's way. */
function localName(remote: string): string {
  return `refs/mergedock/${createHash("sha256").update(remote).digest("hex")}`;
}

async function fetchInto(git: SimpleGit, { repository, signal }: CheckoutRequest, refspecs: readonly string[]) {
  const args = ["fetch", "--verbose", "--no-tags", "--no-write-fetch-head", "--", repository.url, ...refspecs];
  await git.raw(args).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw toGitError(cause, repository, refspecs[0]?.slice(1).split(":")[0] ?? "");
  });
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

/** Nothing but git writes into a worktree: what a reset does not remove can only be from before this process. */
async function reset({ folder, worktree, sha, known, signal }: LayOut): Promise<void> {
  const git = gitIn(folder, worktree, signal);
  await git.raw(["reset", "--hard", sha]);
  if (known.has(worktree)) return;
  await git.raw(["clean", "-ffdx"]);
  known.add(worktree);
}
