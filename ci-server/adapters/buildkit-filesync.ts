// Serves a context over a build's session: the engine compares it with what it had last time and asks for what has changed.
// Source: moby/buildkit session/filesync/filesync.proto; tonistiigi/fsutil types/wire.proto, send.go and validator.go (the order).

import { lstatSync, readlinkSync } from "node:fs";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { type handleBidiStreamingCall, type ServerDuplexStream, status } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { OpenContext } from "./build-context.ts";
import { followed } from "./followed-paths.ts";
import { openRegular, readSmall } from "./regular-file.ts";

export const diffCopy = "/moby.filesync.v1.FileSync/DiffCopy";

const kinds = { stat: 0, request: 1, data: 2, end: 3, error: 4 } as const;
/** Go's os.FileMode. */
const modes = { folder: 0x8000_0000, link: 0x0800_0000 } as const;
const ignoreFile = ".dockerignore";
const chunkBytes = 256 * 1024;
/** Files that are read at a time. */
const parallel = 8;
/** So many are looked at, or read, before anything else of the process has its turn. */
const statsAtATime = 500;
const filesAtATime = 50;
const noBytes = Buffer.alloc(0);

interface Stat {
  readonly path: string;
  readonly mode: number;
  readonly size: number;
  readonly modTime: { readonly low: number; readonly high: number; readonly unsigned: boolean };
  readonly linkname: string;
}

/** `stat`: null in the packet that ends the list. */
export interface Packet {
  readonly type: number;
  readonly stat?: Stat | null;
  /** Of a file: its place in the list. */
  readonly id?: number;
  readonly data?: Uint8Array;
}

const wire = protobuf.Root.fromJSON({
  nested: {
    Stat: {
      fields: {
        path: { type: "string", id: 1 },
        mode: { type: "uint32", id: 2 },
        size: { type: "int64", id: 5 },
        modTime: { type: "int64", id: 6 },
        linkname: { type: "string", id: 7 },
      },
    },
    Packet: {
      fields: {
        type: { type: "uint32", id: 1 },
        stat: { type: "Stat", id: 2 },
        id: { type: "uint32", id: 3 },
        data: { type: "bytes", id: 4 },
      },
    },
  },
}).lookupType("Packet");

export function encodePacket(packet: Packet): Buffer {
  return Buffer.from(wire.encode(packet).finish());
}

export function decodePacket(bytes: Uint8Array): Packet {
  // What the schema above decodes; fields that are not sent have their defaults, and `stat` is null.
  return wire.toObject(wire.decode(bytes), { defaults: true, longs: Number }) as unknown as Packet;
}

type Call = ServerDuplexStream<Packet, Packet>;

/** Answers one such call after the other; what goes wrong ends the call, and with it the build on the engine. */
export function serveContext(context: OpenContext): handleBidiStreamingCall<Packet, Packet> {
  return (call) => {
    new Transfer(context, call).run().catch((error: Error) => {
      call.emit("error", { code: status.UNKNOWN, details: error.message });
    });
  };
}

class Transfer {
  readonly #context: OpenContext;
  readonly #call: Call;
  /** Files that may be asked for, by their place in the list. */
  readonly #files = new Map<number, string>();
  readonly #asked: number[] = [];
  readonly #readers = new Set<Promise<void>>();
  #sent = 0;

  constructor(context: OpenContext, call: Call) {
    this.#context = context;
    this.#call = call;
  }

  async run(): Promise<void> {
    const failing: { error?: Error } = {};
    // The engine ends the call for this; a call that is destroyed here would tell it nothing, and it would wait.
    const stop = (error: Error) => {
      failing.error ??= error;
      this.#send({ type: kinds.error, data: Buffer.from(error.message) }).catch(() => undefined);
    };
    const listing = this.#list().catch(stop);
    // The usual iterator would destroy the call, which is still to be answered.
    const packets: AsyncIterable<Packet> = this.#call.iterator({ destroyOnReturn: false });
    for await (const packet of packets) {
      if (packet.type === kinds.error) throw new Error(`the engine gave up the context: ${String(packet.data)}`);
      if (packet.type === kinds.end) break;
      if (packet.type === kinds.request) this.#ask(packet.id ?? 0, stop);
    }
    await listing;
    await Promise.all(this.#readers);
    if (failing.error !== undefined) throw failing.error;
    await this.#send({ type: kinds.end });
    this.#call.end();
  }

  /** Every file, link and folder, a folder before what is in it; then the end of the list. */
  async #list(): Promise<void> {
    const { root } = this.#context;
    const entries = this.#entries();
    for (const [index, { name, source }] of entries.entries()) {
      if (index % statsAtATime === statsAtATime - 1) await setImmediate();
      const stat = toStat(name, path.join(root, source));
      if ((stat.mode & (modes.folder | modes.link)) === 0) this.#files.set(index, source);
      await this.#send({ type: kinds.stat, stat });
    }
    await this.#send({ type: kinds.stat });
  }

  /** The Dockerfile and an ignore file of its own are asked for as a folder of their own, .dockerignore as a part of the context. */
  #entries(): readonly Entry[] {
    const { metadata } = this.#call;
    const { files, hasLinks, recipeFiles } = this.#context;
    if (metadata.get("dir-name")[0] === "dockerfile") return withFolders(recipeFiles);
    const isEncoded = metadata.get("followpaths-encoded").length > 0;
    // Node joins headers of one name.
    const wanted = isEncoded ? [] : metadata.get("followpaths").flatMap((names) => String(names).split(/, ?/));
    // Before it knows what is ignored; later the same name may be what is copied.
    const isFirst = metadata.get("exclude-patterns").length === 0 && wanted.join() === ignoreFile;
    const ignoring = isFirst ? recipeFiles.filter(({ name }) => name === ignoreFile) : [];
    if (ignoring.length > 0) return withFolders(ignoring);
    return withFolders(followed(files, wanted, hasLinks).map((name) => ({ name, source: name })));
  }

  #ask(id: number, stop: (error: Error) => void): void {
    if (!this.#files.has(id)) throw new Error(`the engine asks for file ${id}, which is none`);
    this.#asked.push(id);
    if (this.#readers.size >= parallel) return;
    const reader = this.#sendAsked()
      .catch(stop)
      .finally(() => this.#readers.delete(reader));
    this.#readers.add(reader);
  }

  async #sendAsked(): Promise<void> {
    for (let id = this.#asked.shift(); id !== undefined; id = this.#asked.shift()) {
      const file = path.join(this.#context.root, this.#files.get(id) ?? "");
      const bytes = readSmall(file, chunkBytes);
      if (bytes === null) await this.#sendLarge(id, file);
      else await this.#sendSmall(id, bytes);
    }
  }

  async #sendSmall(id: number, data: Buffer): Promise<void> {
    if (data.length > 0) await this.#send({ type: kinds.data, id, data });
    await this.#send({ type: kinds.data, id, data: noBytes });
    this.#sent += 1;
    if (this.#sent % filesAtATime === 0) await setImmediate();
  }

  async #sendLarge(id: number, file: string): Promise<void> {
    const handle = await openRegular(file);
    try {
      for (;;) {
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(chunkBytes), 0, chunkBytes, null);
        await this.#send({ type: kinds.data, id, data: buffer.subarray(0, bytesRead) });
        // The packet without bytes is the file's end.
        if (bytesRead === 0) return;
      }
    } finally {
      await handle.close();
    }
  }

  /** Waits while the engine does not read. */
  async #send(packet: Packet): Promise<void> {
    const call = this.#call;
    if (call.cancelled || call.destroyed) throw new Error("the engine has left");
    if (call.write(packet)) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        for (const name of ["drain", "close", "cancelled"]) call.off(name, done);
        resolve();
      };
      for (const name of ["drain", "close", "cancelled"]) call.once(name, done);
    });
  }
}

/** `source`: where it is read, relative to the root; a Dockerfile may be a link to another file. */
export interface Entry {
  readonly name: string;
  readonly source: string;
}

/** In the order that the engine insists on: by the bytes of the path's names, one after the other. */
function withFolders(files: readonly Entry[]): Entry[] {
  const all = new Map<string, Entry>(files.map((file) => [file.name, file]));
  for (const { name } of files) {
    for (let folder = path.posix.dirname(name); folder !== "." && !all.has(folder); folder = path.posix.dirname(folder))
      all.set(folder, { name: folder, source: folder });
  }
  return [...all.values()]
    .map((entry) => ({ entry, key: Buffer.from(entry.name.replaceAll("/", "\0")) }))
    .sort((a, b) => Buffer.compare(a.key, b.key))
    .map(({ entry }) => entry);
}

/** Owner and mode are the same wherever it was checked out; the time is the file's own, by which the engine sees a change. */
function toStat(name: string, file: string): Stat {
  const found = lstatSync(file, { bigint: true });
  const modTime = toLong(found.mtimeNs);
  if (found.isDirectory()) return { path: name, mode: modes.folder + 0o755, size: 0, modTime, linkname: "" };
  if (found.isSymbolicLink())
    return { path: name, mode: modes.link + 0o777, size: 0, modTime, linkname: readlinkSync(file) };
  if (!found.isFile()) throw new Error(`${name} is neither a file nor a link nor a folder`);
  const mode = (found.mode & 0o100n) === 0n ? 0o644 : 0o755;
  return { path: name, mode, size: Number(found.size), modTime, linkname: "" };
}

function toLong(value: bigint): Stat["modTime"] {
  return { low: Number(BigInt.asIntN(32, value)), high: Number(BigInt.asIntN(32, value >> 32n)), unsigned: false };
}
