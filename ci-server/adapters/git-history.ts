// What git alone shows of a remote: its branches, the heads of its pull requests, and the commits that a branch has gained.

import { rm } from "node:fs/promises";
import { AppError } from "../core/errors.ts";
import type { AccessTokens, CommitRange, GitHistory } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { BranchCommit } from "../core/recognise-merge.ts";
import { entryTo } from "./git-access.ts";
import { gitIn } from "./git-command.ts";
import { toGitError } from "./git-error.ts";
import { localName, makeMirror } from "./git-fetch.ts";
import { checkMirror, fetchFrom, type Place } from "./git-remote.ts";
import type { Turns } from "./turns.ts";

export interface HistoryParts {
  /** Where git's own HOME is. */
  readonly folder: string;
  readonly tokens: AccessTokens;
  /** Two fetches into one mirror would be in each other's way. */
  readonly mirrors: Turns;
  readonly placeOf: (name: string) => Place;
}

const pullHead = /^refs\/(?:pull|merge-requests)\/(\d{1,10})\/head$/;
const branchName = /^refs\/heads\/(.+)$/;

export function createGitHistory(parts: HistoryParts): GitHistory {
  return {
    async branches(repository, signal) {
      const refs = await listRefs(parts, { repository, only: ["--heads"], signal });
      return new Map(refs.flatMap(([ref, sha]) => toEntry(branchName.exec(ref)?.[1], sha)));
    },
    async pullHeads(repository, signal) {
      const refs = await listRefs(parts, { repository, only: [], signal });
      return new Map(
        refs.flatMap(([ref, sha]) => toEntry(pullHead.exec(ref)?.[1], sha)).map(([n, sha]) => [Number(n), sha]),
      );
    },
    commits(range) {
      const name = range.repository.name.toLowerCase();
      return parts.mirrors.take(name, range.signal, () => readRange(parts, parts.placeOf(name), range));
    },
  };
}

function toEntry(name: string | undefined, sha: string): [string, string][] {
  return name === undefined ? [] : [[name, sha]];
}

interface Listing {
  readonly repository: Repository;
  readonly only: readonly string[];
  readonly signal: AbortSignal;
}

async function listRefs(
  { folder, tokens }: HistoryParts,
  { repository, only, signal }: Listing,
): Promise<[string, string][]> {
  const { url } = repository;
  const entry = await entryTo({ repository, url, tokens, signal });
  const text = await gitIn(folder, folder, signal, { env: entry.env })
    .raw(["ls-remote", ...only, "--", url])
    .catch((cause: unknown) => {
      signal.throwIfAborted();
      throw toGitError(cause, { repository, url, entry, ref: "HEAD" });
    });
  return text.split("\n").flatMap((line): [string, string][] => {
    const [sha = "", ref] = line.split("\t");
    return ref === undefined ? [] : [[ref, sha]];
  });
}

async function readRange(parts: HistoryParts, place: Place, range: CommitRange): Promise<readonly BranchCommit[]> {
  await fetchBranch(place, range);
  const { since, tip, max, signal, repository } = range;
  const git = gitIn(parts.folder, place.mirror, signal);
  const base = await git.raw(["merge-base", since, tip]).catch(() => "");
  signal.throwIfAborted();
  // Nothing in common is a history that was written anew: nobody can say what of it is new.
  if (base.trim() === "") return [];
  const format = "--format=%H%n%P%n%cI%n%an%n%B";
  const text = await git.raw([
    "log",
    "-z",
    "--first-parent",
    `--max-count=${max}`,
    format,
    `${base.trim()}..${tip}`,
    "--",
  ]);
  await checkMirror(place, repository, signal);
  return text
    .split("\0")
    .flatMap((record) => (record === "" ? [] : [toCommit(record)]))
    .reverse();
}

/** A mirror that a killed process left broken is made anew, as a build does. */
async function fetchBranch(place: Place, { repository, branch, tip, signal }: CommitRange): Promise<void> {
  const remote = `refs/heads/${branch}`;
  const refspecs = [`+${remote}:${localName(remote)}`];
  const fetch = async () => {
    await makeMirror(place, tip.length === 64 ? "sha256" : "sha1", signal);
    await fetchFrom(place, { repository, url: repository.url, refspecs, signal });
  };
  await fetch().catch(async (error: unknown) => {
    if (!(error instanceof AppError) || error.details.brokenMirror !== true) throw error;
    await rm(place.mirror, { recursive: true, force: true, maxRetries: 5 });
    await fetch();
  });
}

function toCommit(record: string): BranchCommit {
  const [sha = "", parents = "", committedAt = "", author = "", ...message] = record.split("\n");
  return {
    ...{ sha, author, committedAt: new Date(committedAt), message: message.join("\n").trimEnd() },
    parents: parents.split(" ").filter((parent) => parent !== ""),
  };
}
