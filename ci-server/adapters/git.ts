// Brings exactly one commit of a configured repository onto the disk: a bare mirror fetched by one refspec, and a worktree
// that stays in place between builds, so that a merge costs its delta only.

import { createHash } from "node:crypto";
import { access, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type SimpleGit, simpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";
import type { Checkout, CheckoutRequest, Git } from "../core/ports.ts";
import { toGitError } from "./git-error.ts";

const shaPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
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
  const known = new Set<string>();
  return { checkout: (request) => checkout(options.folder, known, request) };
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

async function checkout(folder: string, known: Set<string>, request: CheckoutRequest): Promise<Checkout> {
  const { repository, signal } = request;
  checkNames(request);
  const name = repository.name.toLowerCase();
  const mirror = path.join(folder, "mirrors", `${name}.git`);
  const worktree = path.join(folder, "worktrees", name);
  request.log(`fetching ${request.ref} of ${repository.url}`);
  const { git, sha } = await fetchWhole(folder, mirror, request);
  await layOut({ git, folder, worktree, sha, known, signal });
  request.log(`${sha} is laid out`);
  return { sha, folder: worktree, committedAt: new Date(await showCommit(git, "%cI", sha)) };
}

/** A mirror that a killed process left locked or broken is made anew: everything in it is at the remote. */
async function fetchWhole(
  folder: string,
  mirror: string,
  request: CheckoutRequest,
): Promise<{ git: SimpleGit; sha: string }> {
  for (const isLast of [false, true]) {
    const git = await openMirror(folder, mirror, request.signal);
    try {
      return { git, sha: await fetchCommit(git, request) };
    } catch (error) {
      if (isLast || !(error instanceof AppError) || error.details.brokenMirror !== true) throw error;
      await rm(mirror, { recursive: true, force: true });
    }
  }
  throw new AppError("internal", "a mirror is made anew at most once");
}

function checkNames({ ref, sha }: CheckoutRequest): void {
  if (!refPattern.test(ref)) throw new AppError("invalid", `"${ref}" is not a branch, tag or commit`);
  if (sha !== null && !shaPattern.test(sha)) throw new AppError("invalid", `"${sha}" is not a commit id`);
}

async function openMirror(folder: string, mirror: string, signal: AbortSignal): Promise<SimpleGit> {
  await mkdir(mirror, { recursive: true, mode: 0o700 });
  const git = gitIn(folder, mirror, signal);
  const isThere = await access(path.join(mirror, "HEAD")).then(
    () => true,
    () => false,
  );
  if (!isThere) await git.raw(["init", "--quiet", "--bare"]);
  return git;
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

/** The commit of a merge has to be on its base branch; for any other request the ref says which commit it is. */
async function fetchCommit(git: SimpleGit, request: CheckoutRequest): Promise<string> {
  const { ref, sha, repository } = request;
  if (sha === null) return fetchRef(git, request);
  const branch = await fetchInto(git, request, `refs/heads/${ref}`);
  const found = await showCommit(git, "%H", sha).catch(() => null);
  request.signal.throwIfAborted();
  if (found === null) {
    const message = `${repository.name} does not have ${sha} on ${ref} yet; a forge's replicas may lag behind for some seconds`;
    throw new AppError("unavailable", message, { details: { replicaLag: true } });
  }
  // Two histories without a common commit have none: git ends with 1.
  const base = await git.raw(["merge-base", sha, branch]).catch(() => "");
  request.signal.throwIfAborted();
  if (base.trim() !== sha)
    throw new AppError("conflict", `${sha} is not on ${ref} of ${repository.name}; it is not built`);
  return sha;
}

/** Rejects when there is no such commit. */
async function showCommit(git: SimpleGit, format: string, revision: string): Promise<string> {
  return (await git.raw(["show", "--no-patch", `--format=${format}`, `${revision}^{commit}`])).trim();
}

async function fetchRef(git: SimpleGit, request: CheckoutRequest): Promise<string> {
  const { ref } = request;
  const candidates = shaPattern.test(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  for (const [index, candidate] of candidates.entries()) {
    try {
      const target = await fetchInto(git, request, candidate);
      return await showCommit(git, "%H", target);
    } catch (error) {
      const isLast = index === candidates.length - 1;
      if (isLast || !(error instanceof AppError) || error.code !== "not_found") throw error;
    }
  }
  throw new AppError("internal", "no candidate for a ref");
}

/** Returns the name under which the mirror now knows the remote's ref: a flat one, so that no two names are in each other's way. */
async function fetchInto(git: SimpleGit, { repository, signal }: CheckoutRequest, remote: string): Promise<string> {
  const local = `refs/mergedock/${createHash("sha256").update(remote).digest("hex")}`;
  const args = [
    "fetch",
    "--verbose",
    "--no-tags",
    "--no-write-fetch-head",
    "--",
    repository.url,
    `+${remote}:${local}`,
  ];
  await git.raw(args).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw toGitError(cause, repository, remote);
  });
  return local;
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
