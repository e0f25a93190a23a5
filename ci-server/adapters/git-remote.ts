// One fetch from one remote into a mirror: entered as the repository says, and held to a time and to a size. With fsckObjects
// git writes whatever comes into one pack, so that the limit of a file's size is that of a fetch.

import { AppError } from "../core/errors.ts";
import { failedBuild } from "../core/failure.ts";
import type { AccessTokens } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import { type Entry, entryTo } from "./git-access.ts";
import { gitIn } from "./git-command.ts";
import { toGitError } from "./git-error.ts";
import { gitText } from "./git-stream.ts";
import { toMib } from "./git-tree.ts";

const unwrittenBytesMax = 256 * 1024;

/** Where git works for one repository. */
export interface Place {
  /** Has git's HOME. */
  readonly folder: string;
  readonly mirror: string;
  readonly tokens: AccessTokens;
  readonly fetchMsMax: number;
  readonly mirrorBytesMax: number;
  /** Is told what must not be read in a log. */
  noteSecrets(secrets: readonly string[]): void;
}

export interface Remote {
  readonly repository: Repository;
  /** The repository's own, or that of a submodule which is allowed. */
  readonly url: string;
  /** Fixed words and checked names: `+refs/heads/main:refs/...`. */
  readonly refspecs: readonly string[];
  readonly signal: AbortSignal;
}

/** Throws what ports/git.ts says; `too_large` leaves a mirror that is to be removed. */
export async function fetchFrom(place: Place, { repository, url, refspecs, signal }: Remote): Promise<void> {
  const entry = await entryTo({ repository, url, tokens: place.tokens, signal });
  place.noteSecrets(entry.secrets);
  const late = AbortSignal.timeout(place.fetchMsMax);
  const git = gitIn(place.folder, place.mirror, AbortSignal.any([signal, late]), { env: entry.env });
  try {
    await git.raw(["fetch", "--verbose", "--no-tags", "--no-write-fetch-head", "--", url, ...refspecs]);
  } catch (cause) {
    signal.throwIfAborted();
    if (late.aborted) throw tooLate(place, url);
    const error = toGitError(cause, { repository, url, entry, ref: refspecs[0]?.slice(1).split(":")[0] ?? "" });
    if (error.code === "unauthorized") forgetToken(place, entry);
    throw error.details.isCut === true && (await isFull(place, signal)) ? tooLarge(place, repository.name, url) : error;
  }
}

function tooLate({ fetchMsMax }: Place, url: string): AppError {
  const message = `${url} was not fetched within ${fetchMsMax / 1000} s; limits.git_seconds_max allows no more`;
  return new AppError("timeout", message);
}

/** What many fetches have brought together. Throws `too_large`, which leaves a mirror that is to be removed. */
export async function checkMirror(place: Place, { name, url }: Repository, signal: AbortSignal): Promise<void> {
  if ((await mirrorBytes(place, signal)) > place.mirrorBytesMax) throw tooLarge(place, name, url);
}

/** It may have been taken back before its time: the next try gets another one. */
function forgetToken({ tokens }: Place, { access, secrets: [token] }: Entry): void {
  if (access?.kind === "github_app" && token !== undefined) tokens.forget(token);
}

/** What git was ended in is at its limit, but for what git had not written out yet. */
async function isFull(place: Place, signal: AbortSignal): Promise<boolean> {
  return (await mirrorBytes(place, signal)) >= place.mirrorBytesMax - unwrittenBytesMax;
}

/** A pack that is on its way is counted as garbage. */
async function mirrorBytes({ folder, mirror }: Place, signal: AbortSignal): Promise<number> {
  const text = await gitText({ folder, cwd: mirror, args: ["count-objects", "-v"], signal });
  const kib = text.matchAll(/^size(?:-pack|-garbage)?: (\d+)$/gm).reduce((sum, [, value]) => sum + Number(value), 0);
  return kib * 1024;
}

function tooLarge({ mirrorBytesMax }: Place, name: string, url: string): AppError {
  const message = `what git keeps of ${name} is, with ${url}, more than the ${toMib(mirrorBytesMax)} MiB that limits.mirror_bytes_max allows`;
  const hint = "let the repository's history hold less, or raise limits.mirror_bytes_max in mergedock.yml";
  return failedBuild("too_large", message, { kind: "source", hint });
}
