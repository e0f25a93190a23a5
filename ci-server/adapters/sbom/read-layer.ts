// Reads from one layer of an image, as it streams by, what it says of packages: the layer is never in memory as a whole.

import { type EventEmitter, once } from "node:events";
import type { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { type Extract, extract } from "tar-stream";
import { AppError } from "../../core/errors.ts";
import type { LayerContent } from "../../core/sbom/package.ts";
import { isPackageFile, readPackageFile } from "../../core/sbom/package-file.ts";
import { CheckedBytes } from "./checked-bytes.ts";

export interface LayerLimits {
  /** Of a layer, unpacked. */
  readonly layerBytesMax: number;
  /** Files and folders of a layer. */
  readonly layerEntriesMax: number;
  /** Files of a layer that describe packages. */
  readonly layerPackagesMax: number;
  /** Of a file that describes packages. */
  readonly fileBytesMax: number;
}

export interface LayerSource {
  readonly digest: string;
  readonly stream: AsyncIterable<Buffer>;
  readonly limits: LayerLimits;
  readonly signal: AbortSignal;
}

/** Whoever reads the first ones knows enough. */
const problemsMax = 100;
/** Of a name among them: an archive's may be of any length. */
const nameCharsMax = 500;
const whiteout = ".wh.";
const opaque = ".wh..wh..opq";

/**
 * Beyond a limit, or where the archive is broken, the rest is left out and said among the problems. Throws `conflict` when
 * the bytes are not those of the digest, and what the stream throws.
 */
export async function readLayer({ digest, stream, limits, signal }: LayerSource): Promise<LayerContent> {
  const reading = new LayerReading(limits);
  const bytes = new CheckedBytes(stream);
  const problems: string[] = [];
  try {
    await unpack(bytes, reading, signal);
  } catch (thrown) {
    signal.throwIfAborted();
    // What the stream throws is the registry's trouble, the rest is the archive's.
    if (bytes.failure !== null) throw bytes.failure;
    const why = thrown instanceof AppError ? thrown.message : `it is no archive that can be read (${message(thrown)})`;
    problems.push(`layer ${digest}: ${why}`);
  } finally {
    await bytes.close(signal);
  }
  if (bytes.digest !== digest)
    throw new AppError("conflict", `the registry answers layer ${digest} with other bytes (${bytes.digest})`);
  return reading.result(problems);
}

async function unpack(bytes: CheckedBytes, reading: LayerReading, signal: AbortSignal): Promise<void> {
  const first = await bytes.atLeast(4);
  async function* all(): AsyncGenerator<Buffer> {
    yield first;
    yield* bytes;
  }
  const archive = extract();
  const stop = new AbortController();
  const entries = readEntries(archive, reading).catch((thrown: unknown) => {
    stop.abort();
    throw thrown;
  });
  const feeding = feed(all(), unpackerFor(first), {
    ...{ archive, reading, signal: AbortSignal.any([signal, stop.signal]) },
  }).catch((thrown: unknown) => {
    archive.destroy(null);
    throw thrown;
  });
  const outcomes = await Promise.allSettled([entries, feeding]);
  const [reason] = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  if (reason !== undefined) throw reading.overLimit ?? reason;
}

async function readEntries(archive: Extract, reading: LayerReading): Promise<void> {
  for await (const entry of archive) await reading.take(entry);
}

async function feed(
  source: AsyncIterable<Buffer>,
  unpacker: Transform | null,
  { archive, reading, signal }: { archive: Extract; reading: LayerReading; signal: AbortSignal },
): Promise<void> {
  const write = async (unpacked: AsyncIterable<Buffer>) => {
    for await (const chunk of unpacked) {
      reading.count(chunk.length);
      if (!archive.write(chunk)) await once(archive as unknown as EventEmitter, "drain", { signal }); // streamx is one
    }
    archive.end(null);
  };
  if (unpacker === null) await pipeline(source, write, { signal });
  else await pipeline(source, unpacker, write, { signal });
}

/** By the first bytes, whatever the manifest says. Sources: RFC 1952, RFC 8878. */
function unpackerFor(first: Buffer): Transform | null {
  const chunkSize = 256 * 1024;
  if (first[0] === 0x1f && first[1] === 0x8b) return createGunzip({ chunkSize });
  if (first.subarray(0, 4).equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))) return createZstdDecompress({ chunkSize });
  return null;
}

type Entry = Extract extends AsyncIterable<infer T> ? T : never;

class LayerReading {
  readonly #limits: LayerLimits;
  readonly #files = new Map<string, LayerContent["files"][number]>();
  readonly #removed: string[] = [];
  readonly #emptied: string[] = [];
  readonly #problems: string[] = [];
  /** Links of this layer: no engine makes a file behind one of them. */
  readonly #links = new Set<string>();
  #entries = 0;
  #bytes = 0;
  overLimit: AppError | null = null;

  constructor(limits: LayerLimits) {
    this.#limits = limits;
  }

  result(problems: readonly string[]): LayerContent {
    const files = [...this.#files.values()];
    return { files, removed: this.#removed, emptied: this.#emptied, problems: [...this.#problems, ...problems] };
  }

  /** Counts unpacked bytes. Throws beyond the limits. */
  count(bytes: number): void {
    const { layerBytesMax } = this.#limits;
    this.#bytes += bytes;
    if (this.#bytes > layerBytesMax) this.#stop(`more than ${layerBytesMax} bytes (limits.sbom_layer_bytes_max)`);
  }

  #stop(what: string): never {
    this.overLimit = new AppError("too_large", `it has ${what}; the rest is not read`);
    throw this.overLimit;
  }

  async take(entry: Entry): Promise<void> {
    this.#entries += 1;
    const { layerEntriesMax } = this.#limits;
    if (this.#entries > layerEntriesMax)
      this.#stop(`more than ${layerEntriesMax} files (limits.sbom_layer_entries_max)`);
    const { name } = entry.header;
    const path = normalize(name);
    if (path === null && leadsOut(name)) this.#complain(name, "it leads out of the image, and is not read");
    const wanted = path !== null && this.#note(path, entry);
    const chunks: Buffer[] = [];
    for await (const chunk of entry) {
      if (wanted) chunks.push(chunk as Buffer); // tar-stream's entries give Buffers
    }
    if (wanted) this.#read(path, Buffer.concat(chunks).toString("utf8"));
  }

  /** Whether the file is to be read. */
  #note(path: string, { header }: Entry): boolean {
    const slash = path.lastIndexOf("/");
    const name = path.slice(slash + 1);
    const folder = slash < 0 ? "" : path.slice(0, slash);
    if (name === opaque) this.#emptied.push(folder);
    else if (name.startsWith(whiteout))
      this.#removed.push(folder === "" ? name.slice(4) : `${folder}/${name.slice(4)}`);
    if (header.type === "symlink") this.#links.add(path);
    if (header.type === "symlink" && isPackageFolder(path)) this.#removed.push(path);
    if (!isPackageFile(path)) return false;
    const behind = foldersOf(path).find((above) => this.#links.has(above));
    if (behind !== undefined) {
      this.#complain(path, `it lies behind the link /${behind}, and is not read`);
      return false;
    }
    if (header.type === "link") this.#link(path, header.linkname ?? "");
    if (header.type !== "file" && header.type !== "contiguous-file") return false;
    const { fileBytesMax, layerPackagesMax } = this.#limits;
    if (this.#files.size === layerPackagesMax)
      this.#stop(`more than ${layerPackagesMax} files of packages (limits.sbom_layer_packages_max)`);
    if (header.size <= fileBytesMax) return true;
    this.#complain(path, `it has more than ${fileBytesMax} bytes (limits.sbom_file_bytes_max)`);
    return false;
  }

  /** A hard link has the content of a file that came before it in the same layer. */
  #link(path: string, linkname: string): void {
    const target = normalize(linkname);
    const file = target === null ? undefined : this.#files.get(target);
    if (file !== undefined) this.#files.set(path, { ...file, path });
    else this.#complain(path, `it is a hard link to /${shown(target ?? linkname)}, which is not read`);
  }

  #read(path: string, text: string): void {
    try {
      this.#files.set(path, readPackageFile(path, text));
    } catch (thrown) {
      this.#complain(path, message(thrown));
    }
  }

  #complain(path: string, what: string): void {
    if (this.#problems.length < problemsMax) this.#problems.push(`/${shown(path)}: ${what}`);
  }
}

function shown(path: string): string {
  return path.slice(0, nameCharsMax);
}

/** From the top. */
function foldersOf(path: string): string[] {
  return [...path.matchAll(/\//g)].map(({ index }) => path.slice(0, index));
}

/** A link in the place of such a folder hides the folder of a lower layer. */
function isPackageFolder(path: string): boolean {
  return /(?:^|\/)(?:node_modules(?:\/(?:@[^/]+\/)?[^/]+)?|(?:site|dist)-packages(?:\/[^/]+)?)$/.test(path);
}

function leadsOut(name: string): boolean {
  return name.split("/").includes("..");
}

/** Relative to the image's root; null for a path that leads out of it, which no engine would follow. */
function normalize(name: string): string | null {
  const segments = name.split("/").filter((segment) => segment !== "" && segment !== ".");
  return segments.includes("..") || segments.length === 0 ? null : segments.join("/");
}

function message(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
