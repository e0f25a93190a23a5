// Fetches what a request asks for into the mirror of its repository, and reads from the commits how a merge was made.

import { createHash } from "node:crypto";
import { access, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { SimpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";
import { type MergedCommit, type MergeRange, mergeRange } from "../core/merge-range.ts";
import type { CheckoutRequest } from "../core/ports.ts";
import { both } from "./git-command.ts";
import { toGitError } from "./git-error.ts";

const shaPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** One name for the commits of whichever pull request is fetched: a name for each would make every fetch slower for ever. */
const headName = "refs/mergedock/head";
/** Far above what any forge rebases. */
const commitsMax = 10_000;
const refPattern = /^(?!-)(?!.*\.\.)(?!.*\/\/)[A-Za-z0-9._/+@=-]{1,250}$/;

interface Commit extends MergedCommit {
  readonly committedAt: Date;
}

/** `range` is null where nobody asked for it. */
interface Fetched {
  readonly commit: Commit;
  readonly range: MergeRange | null;
}

/** A mirror that a killed process left locked or broken is made anew: everything in it is at the remote. */
export async function fetchWhole(open: () => SimpleGit, mirror: string, request: CheckoutRequest): Promise<Fetched> {
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

/** Brings what the branch of the request has by now; a ref that is no branch brings nothing. */
export async function fetchAgain(git: SimpleGit, request: CheckoutRequest): Promise<void> {
  const remote = `refs/heads/${request.ref}`;
  await fetchInto(git, request, [`+${remote}:${localName(remote)}`]).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== "not_found") throw error;
  });
}

export function checkNames({ ref, sha, merge }: CheckoutRequest): void {
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
