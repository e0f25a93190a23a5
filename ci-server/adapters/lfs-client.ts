// Downloads objects of LFS by its batch API (github.com/git-lfs/git-lfs, docs/api/batch.md), from allowed hosts only.

import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm, utimes } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { AppError, type ErrorCode } from "../core/errors.ts";
import { failedBuild } from "../core/failure.ts";
import { isAllowedSource } from "../core/source-hosts.ts";

const batchMax = 100;
const answerBytesMax = 4 * 1024 * 1024;
const mediaType = "application/vnd.git-lfs+json";

export interface LfsObject {
  /** SHA-256 of its content. */
  readonly oid: string;
  readonly size: number;
}

export interface LfsRemote {
  /** The repository's; its LFS is below it, whatever .lfsconfig says. */
  readonly url: string;
  /** Value of the header Authorization for this URL's host, or null. */
  readonly authorization: string | null;
  /** From where objects may come. */
  readonly hosts: readonly string[];
  readonly signal: AbortSignal;
}

const action = z.object({ href: z.url(), header: z.record(z.string(), z.string()).default({}) });
const answer = z.object({
  objects: z.array(
    z.object({
      oid: z.string(),
      actions: z.object({ download: action.optional() }).optional(),
      error: z.object({ code: z.number() }).optional(),
    }),
  ),
});

/** Puts each object at `fileOf` of it, whole and with the content that its id says, or not at all. */
export async function downloadObjects(
  remote: LfsRemote,
  objects: readonly LfsObject[],
  fileOf: (object: LfsObject) => string,
): Promise<void> {
  for (let start = 0; start < objects.length; start += batchMax) {
    const asked = objects.slice(start, start + batchMax);
    const actions = await askBatch(remote, asked);
    for (const object of asked) await download(remote, object, actions.get(object.oid), fileOf(object));
  }
}

type Action = z.infer<typeof action>;

async function askBatch(remote: LfsRemote, asked: readonly LfsObject[]): Promise<ReadonlyMap<string, Action>> {
  const url = new URL(`${remote.url.replace(/(?:\.git)?\/*$/, "")}.git/info/lfs/objects/batch`);
  const response = await dial(remote, url, {
    method: "POST",
    headers: { accept: mediaType, "content-type": mediaType, ...authorizationFor(remote, url) },
    body: JSON.stringify({ operation: "download", transfers: ["basic"], objects: asked, hash_algo: "sha256" }),
  });
  const parsed = answer.safeParse(await readJson(response, url));
  if (!parsed.success) throw new AppError("unavailable", `${url.href} does not answer as LFS does`);
  const failed = parsed.data.objects.find(({ error }) => error !== undefined);
  // What a host says of it is left out: it may say what it was sent.
  if (failed?.error !== undefined) {
    const { code } = failed.error;
    throw answered(code, `LFS of ${remote.url} answers ${code} for object ${failed.oid}`);
  }
  return new Map(
    parsed.data.objects.flatMap(({ oid, actions }) => (actions?.download ? [[oid, actions.download]] : [])),
  );
}

async function download(remote: LfsRemote, object: LfsObject, action: Action | undefined, file: string): Promise<void> {
  const { oid, size } = object;
  if (action === undefined) throw refusal("not_found", `LFS of ${remote.url} gives no place of object ${oid}`, missing);
  const url = new URL(action.href);
  const isSafe = url.protocol === "https:" || url.protocol === new URL(remote.url).protocol;
  if (!isSafe || !isAllowedSource(url, remote.hosts)) {
    const message = `LFS object ${oid} of ${remote.url} is at ${url.protocol}//${url.host}, which is not one of ${remote.hosts.join(", ")}; nothing was asked of it. Allow it by lfs_hosts, if it is to be trusted`;
    const hint = `add ${url.host} to the repository's lfs_hosts in mergedock.yml, if it is to be trusted`;
    throw refusal("forbidden", message, hint);
  }
  const isSigned = Object.keys(action.header).some((name) => name.toLowerCase() === "authorization");
  const headers = { ...action.header, ...(isSigned ? {} : authorizationFor(remote, url)) };
  const response = await dial(remote, url, { headers });
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.${randomUUID()}`;
  try {
    await pipeline(bodyOf(response), checked(object, url), createWriteStream(part, { flags: "wx", mode: 0o644 }));
    await utimes(part, new Date(), timeOf(oid));
    await rename(part, file);
  } catch (cause) {
    remote.signal.throwIfAborted();
    if (cause instanceof AppError) throw cause;
    throw new AppError("unavailable", `LFS object ${oid} (${size} bytes) broke off at ${url.host}`, { cause });
  } finally {
    await rm(part, { force: true });
  }
}

/**
 * The engine takes a file of the same size and time for unchanged, and several objects come in the same moment: within the last
 * hour each has a time of its own. In seconds.
 */
function timeOf(oid: string): number {
  return Date.now() / 1000 - (Number.parseInt(oid.slice(0, 12), 16) / 2 ** 48) * 3600;
}

/** Passes on no byte more than the size says, and ends with an error where the content is another. */
function checked(
  { oid, size }: LfsObject,
  url: URL,
): (source: AsyncIterable<Uint8Array>) => AsyncGenerator<Uint8Array> {
  return async function* check(source) {
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of source) {
      bytes += chunk.length;
      if (bytes > size)
        throw refusal("invalid", `LFS object ${oid} from ${url.host} is larger than its ${size} bytes`, wrong);
      hash.update(chunk);
      yield chunk;
    }
    if (bytes < size)
      throw new AppError("unavailable", `LFS object ${oid} from ${url.host} ends after ${bytes} of ${size} bytes`);
    if (hash.digest("hex") !== oid)
      throw refusal("invalid", `LFS object ${oid} from ${url.host} has another content`, wrong);
  };
}

/** The repository's secret is for its own host. */
function authorizationFor({ url: own, authorization }: LfsRemote, url: URL): Record<string, string> {
  return authorization !== null && url.origin === new URL(own).origin ? { authorization } : {};
}

async function dial({ url: own, signal }: LfsRemote, url: URL, init: RequestInit): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: "manual", signal }).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new AppError("unavailable", `LFS of ${own}: ${url.host} cannot be reached`, { cause });
  });
  if (response.ok) return response;
  await response.body?.cancel();
  const { status } = response;
  if (status >= 300 && status < 400) {
    const message = `LFS of ${own}: ${url.host} answers with a redirect, which is not followed`;
    throw refusal("invalid", message, 'write the target into the repository\'s "url" in mergedock.yml');
  }
  throw answered(status, `LFS of ${own}: ${url.host} answers ${status}`);
}

const missing = "push the object again (git lfs push --all), or commit the file without LFS";
const wrong = "push the object again (git lfs push --all): what its host has is not what the commit names";
const access = 'check "access" of the repository in mergedock.yml';

/** What the host says of the repository is the repository's to mend, trouble of the host passes. */
function answered(status: number, message: string): AppError {
  if (status === 401 || status === 403) return refusal("unauthorized", `${message}; ${access}`, access);
  if (status === 404 || status === 410) return refusal("not_found", message, missing);
  return new AppError("unavailable", message);
}

function refusal(code: ErrorCode, message: string, hint: string): AppError {
  return failedBuild(code, message, { kind: "source", hint });
}

async function readJson(response: Response, url: URL): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of bodyOf(response)) {
    bytes += chunk.length;
    if (bytes > answerBytesMax)
      throw new AppError("unavailable", `${url.href} answers with more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch (cause) {
    throw new AppError("unavailable", `${url.href} does not answer as LFS does`, { cause });
  }
}

function bodyOf(response: Response): Readable {
  // The two kinds of web streams differ in their types only.
  return response.body === null
    ? Readable.from([])
    : Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
}
