// Makes one tree of a commit and its submodules. Each submodule's commit is fetched here, from an allowed host, into the
// repository's own mirror, and its tree takes the place of its gitlink: git then lays out one tree of plain files, and its own
// checks of every path hold for all of them. `git submodule` is not used: it reads URLs, commands and settings of the commit.

import { createHash, randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import type { AppError, ErrorCode } from "../core/errors.ts";
import { failedBuild } from "../core/failure.ts";
import type { CheckoutRequest } from "../core/ports.ts";
import { isAllowedSource, submoduleUrl } from "../core/source-hosts.ts";
import { checkMirror, fetchFrom, type Place } from "./git-remote.ts";
import { gitRecords, gitText } from "./git-stream.ts";
import { type Gitlink, readTree, type Tally, type Tree, type TreeLimits } from "./git-tree.ts";

const depthMax = 5;
const submodulesMax = 100;
const modulesBytesMax = 64 * 1024;

/** A commit whose files are laid out: the one that was asked for, or a submodule's. */
export interface Part {
  /** Its folder in the checkout, ending in a slash; empty for the repository itself. */
  readonly prefix: string;
  readonly url: string;
  readonly sha: string;
  readonly tree: Tree;
}

export interface SubmodulesRequest {
  readonly place: Place;
  readonly request: CheckoutRequest;
  readonly hosts: readonly string[];
  readonly root: Part;
  readonly tally: Tally;
  readonly limits: TreeLimits;
}

/** `tree`: the commit's own, or the one that was put together. `parts`: the commit first, then its submodules. */
export interface Whole {
  readonly tree: string;
  readonly parts: readonly Part[];
}

/** Throws `forbidden` for a host that is not allowed, `invalid` for what .gitmodules does not say well. */
export async function joinSubmodules(step: SubmodulesRequest): Promise<Whole> {
  const parts = [step.root];
  let level: readonly Part[] = [step.root];
  for (let depth = 0; level.some(({ tree }) => tree.gitlinks.length > 0); depth += 1) {
    const count = parts.length - 1 + level.reduce((sum, { tree }) => sum + tree.gitlinks.length, 0);
    if (depth === depthMax || count > submodulesMax) throw tooMany(step);
    const next: Part[] = [];
    for (const part of level) next.push(...(await fetchSubmodules(step, part)));
    parts.push(...next);
    level = next;
  }
  if (parts.length === 1) return { tree: step.root.sha, parts };
  await checkMirror(step.place, step.request.repository, step.request.signal);
  return { tree: await writeTree(step, parts), parts };
}

function tooMany({ request: { repository } }: SubmodulesRequest): AppError {
  const message = `${repository.name} has more than ${submodulesMax} submodules, or they lie within one another more than ${depthMax} deep`;
  return refusal(
    "too_large",
    message,
    "let the repository have fewer submodules, or bring their files in by other ways",
  );
}

function refusal(code: ErrorCode, message: string, hint: string): AppError {
  return failedBuild(code, message, { kind: "source", hint });
}

async function fetchSubmodules(step: SubmodulesRequest, part: Part): Promise<Part[]> {
  const { place, request, tally, limits } = step;
  const { repository, signal } = request;
  if (part.tree.gitlinks.length === 0) return [];
  const written = await readModules(step, part);
  const parts: Part[] = [];
  for (const link of part.tree.gitlinks) {
    const url = checkedUrl(step, part, link, written.get(link.path));
    const prefix = `${part.prefix}${link.path}/`;
    request.log(`fetching ${link.sha} of ${url} for ${prefix}`);
    const refspecs = [`+${link.sha}:${localName(url, prefix)}`];
    await fetchFrom(place, { repository, url, refspecs, signal });
    const sha = await commitOf(step, link, url);
    const isForLfs = repository.lfsHosts !== null;
    const tree = await readTree({ ...place, sha, name: url, tally, limits, signal, isForLfs });
    parts.push({ prefix, url, sha, tree });
  }
  return parts;
}

/** A gitlink names a commit; git would take a tag for it as well. */
async function commitOf({ place, request }: SubmodulesRequest, { sha }: Gitlink, url: string): Promise<string> {
  const args = ["cat-file", "-t", sha];
  const type = await gitText({ folder: place.folder, cwd: place.mirror, args, signal: request.signal });
  if (type.trim() !== "commit")
    throw refusal("invalid", `${sha} of the submodule at ${url} is not a commit`, "let the submodule name a commit");
  return sha;
}

/** The URL of each submodule by its path, as the commit writes it. The last word on a name is what counts, as for git. */
async function readModules({ place, request }: SubmodulesRequest, part: Part): Promise<ReadonlyMap<string, string>> {
  const run = { folder: place.folder, cwd: place.mirror, signal: request.signal };
  const blob = `${part.sha}:.gitmodules`;
  const size = await gitText({ ...run, args: ["cat-file", "-s", blob] }).catch(() => "0");
  if (Number(size) > modulesBytesMax)
    throw refusal("invalid", `.gitmodules of ${part.url} is larger than ${modulesBytesMax} bytes`, "make it smaller");
  const fields = new Map<string, string>();
  if (Number(size) > 0) {
    const args = ["config", "-z", "--no-includes", "--blob", blob, "--get-regexp", "^submodule\\..*\\.(path|url)$"];
    for await (const record of gitRecords({ ...run, args })) {
      const end = record.indexOf("\n");
      fields.set(record.slice(0, end), record.slice(end + 1));
    }
  }
  const names = [...fields.keys()].filter((key) => key.endsWith(".path")).map((key) => key.slice(0, -".path".length));
  return new Map(names.map((name) => [fields.get(`${name}.path`) ?? "", fields.get(`${name}.url`) ?? ""]));
}

function checkedUrl(step: SubmodulesRequest, part: Part, link: Gitlink, written = ""): string {
  const where = `submodule ${part.prefix}${link.path} of ${step.request.repository.name}`;
  // A name that is not UTF-8 could not be given back to git.
  if (link.path.includes("\ufffd"))
    throw refusal("invalid", `the path of ${where} is not UTF-8`, "give the submodule a path in UTF-8");
  if (written === "")
    throw refusal(
      "invalid",
      `${where} has no url in .gitmodules`,
      "commit .gitmodules with the submodule's path and url",
    );
  const url = submoduleUrl(written, part.url);
  const isAllowed = url !== null && isAllowedSource(url, step.hosts);
  if (isAllowed) return url.href;
  const shown = (url?.href ?? written).replace(/\/\/[^/]*@/, "//...@").slice(0, 200);
  const message = `${where} is at ${shown}, which is not one of ${step.hosts.join(", ")}; nothing was asked of it. Allow it by submodule_hosts, if it is to be trusted`;
  const hint = `add ${url?.host || "its host"} to the repository's submodule_hosts in mergedock.yml, if it is to be trusted`;
  throw refusal("forbidden", message, hint);
}

/** Flat, so that no two names are in each other's way; one for each place, so that the next fetch brings the difference only. */
function localName(url: string, prefix: string): string {
  return `refs/mergedock/${createHash("sha256").update(`submodule\0${url}\0${prefix}`).digest("hex")}`;
}

/** In an index of its own, so that nothing is laid out yet. git refuses what is no path of a worktree: .git, .., an absolute one. */
async function writeTree({ place, request }: SubmodulesRequest, parts: readonly Part[]): Promise<string> {
  const { folder, mirror } = place;
  const index = path.join(mirror, `mergedock-index-${randomUUID()}`);
  // git wants a worktree for this, and touches nothing in it.
  const readTreeOf = (args: readonly string[]) => ["--git-dir=.", "--work-tree=.", "read-tree", ...args];
  const run = { folder, cwd: mirror, index, signal: request.signal };
  try {
    for (const { prefix, sha } of parts)
      await gitText({ ...run, args: readTreeOf(prefix === "" ? [sha] : [`--prefix=${prefix}`, sha]) });
    return (await gitText({ ...run, args: ["write-tree"] })).trim();
  } finally {
    await rm(index, { force: true });
    await rm(`${index}.lock`, { force: true });
  }
}
