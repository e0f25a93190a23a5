// Brings exactly one commit of a configured repository onto the disk: a bare mirror fetched by one refspec, and a worktree
// that stays in place between builds, so that a merge costs its delta only.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import type { SimpleGit } from "simple-git";
import { AppError } from "../core/errors.ts";
import type { MergeRange } from "../core/merge-range.ts";
import type { AccessTokens, Checkout, CheckoutRequest, Git, GitHistory, SourceFolders } from "../core/ports.ts";
import { ancestryOf } from "./git-ancestry.ts";
import { hasBranch } from "./git-branches.ts";
import { both, gitIn, limiterFile, limiterText } from "./git-command.ts";
import { checkNames, fetchAgain, fetchWhole } from "./git-fetch.ts";
import { createGitHistory } from "./git-history.ts";
import { readFile } from "./git-objects.ts";
import type { Place } from "./git-remote.ts";
import { sweepFolders } from "./git-sweep.ts";
import type { TreeLimits } from "./git-tree.ts";
import { layOutWhole } from "./git-worktree.ts";
import { KnownSecrets } from "./known-secrets.ts";
import { Slots, Turns } from "./turns.ts";

/** The tree without files, which every git knows; its name is of the repository's kind of hash. */
const emptyTrees = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
} as const;

/** Above this git neither looks for likenesses nor holds a file in memory as a whole. */
const bigFileBytes = 64 * 1024 * 1024;

export interface GitLimits extends TreeLimits {
  readonly mirrorBytesMax: number;
  readonly fetchMsMax: number;
}

const usualLimits: GitLimits = {
  repositoryBytesMax: 2 * 1024 ** 3,
  repositoryFilesMax: 500_000,
  mirrorBytesMax: 8 * 1024 ** 3,
  fetchMsMax: 15 * 60 * 1000,
};

export interface GitOptions {
  /** Mirrors, worktrees and git's own HOME go here. */
  readonly folder: string;
  /** Schemes of the configured URLs: git may speak these and no others. */
  readonly protocols: readonly string[];
  /** Below this rate for this long a transfer is given up. */
  readonly lowSpeedBytesPerSecond: number;
  readonly lowSpeedSeconds: number;
  /** Those that are not named are as the configuration's defaults. */
  readonly limits?: Partial<GitLimits>;
  /** Where a GitHub App's tokens come from; without it there are none. */
  readonly tokens?: AccessTokens;
}

const noTokens: AccessTokens = {
  token: async () => Promise.reject(new AppError("unauthorized", "this server gets no tokens for GitHub Apps")),
  forget: () => undefined,
};

export async function createGit(options: GitOptions): Promise<Git & GitHistory & SourceFolders> {
  const { folder, tokens = noTokens } = options;
  const limits = { ...usualLimits, ...options.limits };
  await mkdir(path.join(folder, "home"), { recursive: true, mode: 0o700 });
  await writeFile(path.join(folder, "home/.gitconfig"), gitConfig(options), { mode: 0o600 });
  await writeFile(limiterFile(folder), limiterText(limits.mirrorBytesMax), { mode: 0o600 });
  const secrets = new KnownSecrets();
  const shared = { folder, tokens, limits, secrets, known: new Set<string>() };
  const lines = { mirrors: new Turns(), worktrees: new Slots() };
  return {
    checkout: (request) => checkout({ ...shared, ...lines }, request),
    ...createGitHistory({ folder, tokens, mirrors: lines.mirrors, placeOf: (name) => placeOf(shared, name) }),
    hasBranch: (repository, branch, signal) => hasBranch({ folder, tokens, repository, branch, signal }),
    secretsOf: (repository) => secrets.of(repository),
    sweep: (request) => sweepFolders({ ...shared, ...lines }, request),
  };
}

/** What all checkouts of this process share. */
interface Shared extends Parts {
  readonly mirrors: Turns;
  readonly worktrees: Slots;
}

interface Parts {
  readonly folder: string;
  readonly tokens: AccessTokens;
  readonly limits: GitLimits;
  readonly secrets: KnownSecrets;
  /** Worktrees that this process has cleaned. */
  readonly known: Set<string>;
}

/** git reads this file and no other configuration: neither the machine's nor the user's. */
function gitConfig(options: GitOptions): string {
  return [
    `[core]\n\thooksPath = /dev/null\n\tautocrlf = false\n\tbigFileThreshold = ${bigFileBytes}`,
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
    const place = placeOf(shared, name);
    const open = () => gitIn(shared.folder, place.mirror, request.signal);
    const fetch = () => mirrors.take(name, request.signal, () => fetchAgain(place, request));
    const ancestry = { open, fetch, signal: request.signal };
    return { ...fetched, release, isAncestor: ancestryOf(ancestry) };
  } catch (cause) {
    release();
    throw cause;
  }
}

function mirrorOf(folder: string, name: string): string {
  return path.join(folder, "mirrors", `${name}.git`);
}

function placeOf({ folder, tokens, secrets, limits }: Parts, name: string): Place {
  const noteSecrets = (sent: readonly string[]) => secrets.note(name, sent);
  return { folder, mirror: mirrorOf(folder, name), tokens, noteSecrets, ...limits };
}

interface Own extends Parts {
  /** The repository's, in lower case. */
  readonly name: string;
  readonly worktree: string;
}

async function fetchAndLayOut(own: Own, request: CheckoutRequest): Promise<Omit<Checkout, "release" | "isAncestor">> {
  const { folder, known, name, worktree, limits } = own;
  const { repository, signal } = request;
  const place = placeOf(own, name);
  const { mirror } = place;
  request.log(`fetching ${request.ref} of ${repository.url}`);
  const { commit, range } = await fetchWhole(place, request);
  const { sha, committedAt } = commit;
  const files = range === null ? null : listChanges(gitIn(folder, mirror, signal), range, sha);
  const tally = { bytes: 0, files: 0 };
  // The worktree's files and the list of changes need nothing of each other.
  const [, changed] = await both(layOutWhole({ place, request, sha, worktree, known, tally, limits }), files);
  request.log(`${sha} is laid out`);
  const read = (file: string, bytesMax: number) =>
    readFile(gitIn(folder, mirror, signal), { sha, path: file, bytesMax });
  return { sha, folder: worktree, committedAt, merge: range && changed && { ...range, files: changed }, read };
}

/** All files that differ between the two; `-z` leaves their names as they are. */
async function listChanges(git: SimpleGit, { since }: MergeRange, sha: string): Promise<string[]> {
  const text = await git.raw([
    "diff-tree",
    "-r",
    "-z",
    "--name-only",
    "--no-renames",
    since ?? emptyTrees[sha.length === 64 ? "sha256" : "sha1"],
    sha,
    "--",
  ]);
  return text.split("\0").filter((file) => file !== "");
}
