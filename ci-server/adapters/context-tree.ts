// The context of a recipe as git has it: the files that would be sent, by the objects of the commit, and the Dockerfile.

import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import path from "node:path";
import { AppError } from "../core/errors.ts";
import type { Context, ContextRequest, Contexts } from "../core/ports.ts";
import { insideCheckout, noDockerfile } from "./build-context.ts";
import { dockerfileBytesMax, parseDockerfile } from "./dockerfile.ts";
import { gitIn } from "./git-command.ts";
import { readIgnoreFile, readRegularFile } from "./ignore-file.ts";

export interface ContextsOptions {
  /** Where git's own HOME is. */
  readonly gitFolder: string;
}

export function createContexts({ gitFolder }: ContextsOptions): Contexts {
  return { read: (request) => readContext(gitFolder, request) };
}

async function readContext(gitFolder: string, request: ContextRequest): Promise<Context> {
  const { checkout, recipe, signal } = request;
  const root = await insideCheckout(checkout.folder, recipe.context);
  const below = path.relative(await realpath(checkout.folder), root);
  const dockerfile = path.posix.normalize(recipe.dockerfile);
  const [entries, ignoreFile, { text, source }] = await Promise.all([
    listTree({ gitFolder, folder: checkout.folder, sha: checkout.sha, below, signal }),
    readIgnoreFile(root, dockerfile),
    readDockerfile(root, recipe),
  ]);
  // These two count whatever is ignored: they say what is made of the rest.
  const isRecipe = (file: string) => [dockerfile, source, ignoreFile.name].includes(file);
  const isSent = (file: string) => isRecipe(file) || !ignoreFile.isIgnored(file);
  const counted = entries.filter(({ file, mode }) => file === null || mode === submodule || isSent(file));
  const hash = createHash("sha256");
  for (const { mode, name, object } of counted) hash.update(`${mode} ${object} ${name}\0`);
  for (const folder of emptied(entries, counted)) if (!ignoreFile.isIgnored(folder)) hash.update(`folder ${folder}\0`);
  const files = counted.filter(({ file }) => file !== null).length;
  return { dockerfile: parseDockerfile(text), digest: `sha256:${hash.digest("hex")}`, files };
}

/** Folders of which no file is left. They are sent themselves, where it is not they that are ignored. */
function emptied(entries: readonly TreeEntry[], counted: readonly TreeEntry[]): string[] {
  const left = foldersOf(counted);
  return [...foldersOf(entries)].filter((folder) => !left.has(folder));
}

function foldersOf(entries: readonly TreeEntry[]): Set<string> {
  const folders = new Set<string>();
  for (const { file } of entries) {
    for (let folder = path.posix.dirname(file ?? "."); folder !== "."; folder = path.posix.dirname(folder))
      folders.add(folder);
  }
  return folders;
}

/** What stands in there is told by the commit alone, whatever .dockerignore leaves of it. */
const submodule = "160000";

/**
 * `file`: relative to the context; null for attributes, which count wherever they stand and whether they are sent or not, and for
 * a submodule that the context is in.
 */
interface TreeEntry {
  readonly mode: string;
  readonly object: string;
  readonly name: string;
  readonly file: string | null;
}

interface TreeRequest {
  readonly gitFolder: string;
  readonly folder: string;
  readonly sha: string;
  /** The context, relative to the checkout; "" for all of it. */
  readonly below: string;
  readonly signal: AbortSignal;
}

async function listTree({ gitFolder, folder, sha, below, signal }: TreeRequest): Promise<TreeEntry[]> {
  const list = ["--literal-pathspecs", "ls-tree", "-z", "--full-tree"];
  const git = gitIn(gitFolder, folder, signal);
  const texts = await Promise.all([
    below === "" ? "" : git.raw([...list, sha, "--", ...above(below)]),
    git.raw([...list, "-r", sha, "--", ...(below === "" ? [] : [`${below}/`])]),
  ]);
  signal.throwIfAborted();
  const begin = below === "" ? 0 : below.length + 1;
  return texts
    .join("")
    .split("\0")
    .flatMap((record) => {
      // `<mode> <type> <object>\t<path>`
      const tab = record.indexOf("\t");
      if (tab < 0) return [];
      const [mode = "", , object = ""] = record.slice(0, tab).split(" ");
      const whole = record.slice(tab + 1);
      const isInside = below === "" || whole.startsWith(`${below}/`);
      const entry = { mode, object, name: isInside ? whole.slice(begin) : `/${depthOf(whole)}` };
      const isAttributes = path.posix.basename(whole) === ".gitattributes";
      const apart = isAttributes || (!isInside && mode === submodule) ? [{ ...entry, file: null }] : [];
      return isInside ? [...apart, { ...entry, file: entry.name }] : apart;
    });
}

/** The folders, of which one may be a submodule, and the attributes: they say how git writes the files below. */
function above(below: string): string[] {
  const folders = below.split("/");
  return folders.flatMap((_folder, depth) => [
    [...folders.slice(0, depth), ".gitattributes"].join("/"),
    folders.slice(0, depth + 1).join("/"),
  ]);
}

function depthOf(file: string): number {
  return file.split("/").length;
}

/** A link to another file of the context is followed, as the engine does. `source`: that file. */
async function readDockerfile(
  root: string,
  recipe: ContextRequest["recipe"],
): Promise<{ readonly text: string; readonly source: string }> {
  const file = await realpath(path.join(root, recipe.dockerfile)).catch(() => {
    throw noDockerfile(recipe);
  });
  const bytes = file.startsWith(root + path.sep) ? await readRegularFile(file, dockerfileBytesMax) : "unusable";
  if (bytes === null) throw noDockerfile(recipe);
  if (bytes !== "unusable") return { text: bytes.toString("utf8"), source: path.relative(root, file) };
  const message = `${recipe.dockerfile} has to be a regular file of the context of at most ${dockerfileBytesMax} bytes`;
  throw new AppError("invalid", message);
}
