// Fetches what a request asks for into the mirror of its repository, and reads from the commits how a merge was made.

import { createHash } from "node:crypto";
import { access, mkdir, rm } from "node:fs/promises";
import path from "node:path";
import type { SimpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";
import { type MergedCommit, type MergeRange, mergeRange } from "../core/merge-range.ts";
import type { CheckoutRequest, MergeHint } from "../core/ports.ts";
import { both, gitIn } from "./git-command.ts";
import { checkMirror, fetchFrom, type Place } from "./git-remote.ts";
import { gitText } from "./git-stream.ts";

const shaPattern = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** One name for the commits of whichever pull request is fetched: a name for each would make every fetch slower for ever. */
const headName = "refs/mergedock/head";
/** Far above what any forge rebases. */
const commitsMax = 10_000;
const refPattern = /^(?!-)(?!.*\.\.)(?!.*\/\/)[A-Za-z0-9._/+@=-]{1,250}$/;

type ObjectFormat = "sha1" | "sha256";

interface Commit extends MergedCommit {
  readonly committedAt: Date;
}

/** `range` is null where nobody asked for it. */
interface Fetched {
  readonly commit: Commit;
  readonly range: MergeRange | null;
}

/** Names in the mirror: of the branch, and of the pull request's own commits where the remote has them. */
interface FetchedNames {
  readonly branch: string;
  readonly head: string | null;
}

/** A mirror that a killed process left locked or broken, or that has grown too large, is made anew: everything in it is at the remote. */
export async function fetchWhole(place: Place, asked: CheckoutRequest): Promise<Fetched> {
  let request = asked;
  let format: ObjectFormat = asked.sha?.length === 64 ? "sha256" : "sha1";
  for (const isLast of [false, true]) {
    const isNew = await makeMirror(place, format, request.signal);
    try {
      return await fetchCommit(place, request);
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { brokenMirror, objectFormat } = error.details;
      const isTooLarge = error.code === "too_large";
      if (brokenMirror !== true && objectFormat === undefined && !isTooLarge) throw error;
      // What git was ended in may still be writing.
      await rm(place.mirror, { recursive: true, force: true, maxRetries: 5 });
      const isSmaller = !isNew || (request.merge?.headRef ?? null) !== null;
      if (isLast || (isTooLarge && !isSmaller)) throw error;
      // A squash leaves behind what its pull request held: without that the merge may be small.
      if (isTooLarge && request.merge !== null) request = { ...request, merge: { ...request.merge, headRef: null } };
      if (objectFormat === "sha1" || objectFormat === "sha256") format = objectFormat;
    }
  }
  throw new AppError("internal", "a mirror is made anew at most once");
}

/** Brings what the branch of the request has by now; a ref that is no branch brings nothing. */
export async function fetchAgain(place: Place, { repository, ref, signal }: CheckoutRequest): Promise<void> {
  const remote = `refs/heads/${ref}`;
  const refspecs = [`+${remote}:${localName(remote)}`];
  await fetchFrom(place, { repository, url: repository.url, refspecs, signal }).catch((error: unknown) => {
    if (!(error instanceof AppError) || error.code !== "not_found") throw error;
  });
}

export function checkNames({ ref, sha, merge }: CheckoutRequest): void {
  if (!refPattern.test(ref)) throw new AppError("invalid", `"${ref}" is not a branch, tag or commit`);
  if (sha !== null && !shaPattern.test(sha)) throw new AppError("invalid", `"${sha}" is not a commit id`);
  const headRef = merge?.headRef ?? null;
  if (headRef !== null && !(headRef.startsWith("refs/") && refPattern.test(headRef)))
    throw new AppError("invalid", `"${headRef}" is not the ref of a pull request`);
  const mergeBase = merge?.mergeBase ?? null;
  if (mergeBase !== null && !shaPattern.test(mergeBase))
    throw new AppError("invalid", `"${mergeBase}" is not a commit id`);
}

/** Whether it was not there. */
export async function makeMirror(
  { folder, mirror }: Place,
  format: ObjectFormat,
  signal: AbortSignal,
): Promise<boolean> {
  await mkdir(mirror, { recursive: true, mode: 0o700 });
  const isThere = await access(path.join(mirror, "HEAD")).then(
    () => true,
    () => false,
  );
  const args = ["init", "--quiet", "--bare", `--object-format=${format}`];
  if (!isThere) await gitText({ folder, cwd: mirror, args, signal });
  return !isThere;
}

async function fetchCommit(place: Place, request: CheckoutRequest): Promise<Fetched> {
  const { sha, repository, signal } = request;
  if (sha === null) {
    const commit = await fetchRef(place, request);
    await checkMirror(place, repository, signal);
    return { commit, range: null };
  }
  const names = await fetchMerge(place, request);
  const [fetched] = await both(readMerge(place, request, sha, names), checkMirror(place, repository, signal));
  return fetched;
}

/** The commit of a merge has to be on its base branch; for any other request the ref says which commit it is. */
async function readMerge(place: Place, request: CheckoutRequest, sha: string, names: FetchedNames): Promise<Fetched> {
  const { merge } = request;
  const { branch, head } = names;
  const open = () => gitIn(place.folder, place.mirror, request.signal);
  const git = open();
  const commits = Math.min(await countCommits(git, sha, merge, head), commitsMax);
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

/**
 * How many commits the pull request had: as the forge says, or those between its merge base and its head. Where the head is not
 * there, those of the base branch since then: that range is the wider one, and so is that of as many as are looked at.
 */
async function countCommits(
  git: SimpleGit,
  sha: string,
  merge: MergeHint | null,
  head: string | null,
): Promise<number> {
  const { commits = 0, mergeBase = null } = merge ?? {};
  if (commits !== null || mergeBase === null) return commits ?? commitsMax;
  const range = head === null ? ["--first-parent", `${mergeBase}..${sha}`] : [`${mergeBase}..${head}`];
  return Number(await git.raw(["rev-list", "--count", ...range, "--"]).catch(() => commitsMax));
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

async function fetchRef(place: Place, request: CheckoutRequest): Promise<Commit> {
  const git = gitIn(place.folder, place.mirror, request.signal);
  const { ref } = request;
  const candidates = shaPattern.test(ref) ? [ref] : [`refs/heads/${ref}`, `refs/tags/${ref}`];
  for (const [index, candidate] of candidates.entries()) {
    try {
      const local = localName(candidate);
      await fetchInto(place, request, [`+${candidate}:${local}`]);
      const [commit] = await readCommits(git, ["--max-count=1", `${local}^{commit}`]);
      if (commit !== undefined) return commit;
    } catch (error) {
      const isLast = index === candidates.length - 1;
      if (isLast || !(error instanceof AppError) || error.code !== "not_found") throw error;
    }
  }
  throw new AppError("internal", "no candidate for a ref");
}

async function fetchMerge(place: Place, request: CheckoutRequest): Promise<FetchedNames> {
  const remote = `refs/heads/${request.ref}`;
  const branch = localName(remote);
  const headRef = request.merge?.headRef ?? null;
  if (headRef !== null) {
    try {
      await fetchInto(place, request, [`+${remote}:${branch}`, `+${headRef}:${headName}`]);
      return { branch, head: headName };
    } catch (error) {
      // They only say how it was merged: without them, or with some that git's own check refuses, it is built all the same.
      if (!(error instanceof AppError) || !["not_found", "invalid"].includes(error.code)) throw error;
    }
  }
  await fetchInto(place, request, [`+${remote}:${branch}`]);
  return { branch, head: null };
}

/** A flat name for a remote's ref, so that no two names are in each other's way. */
export function localName(remote: string): string {
  return `refs/mergedock/${createHash("sha256").update(remote).digest("hex")}`;
}

function fetchInto(place: Place, { repository, signal }: CheckoutRequest, refspecs: readonly string[]): Promise<void> {
  return fetchFrom(place, { repository, url: repository.url, refspecs, signal });
}
