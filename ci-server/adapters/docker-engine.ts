// The Docker engine's API through dockerode's modem, its streams read here: a stream that ends early is never a success.

import type { Duplex, Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import Docker from "dockerode";
import { AppError } from "../core/errors.ts";
import { sessionRefused, toEngineError, unreachable } from "./engine-errors.ts";
import { ask, dial, type EngineAuth, hijack, type SessionHeaders, statusOf } from "./engine-request.ts";

// BuildKit sends what a step prints in pieces far below this.
const lineCharsMax = 16 * 1024 * 1024;

export interface EngineOptions {
  /** `unix:///var/run/docker.sock` or `tcp://host:port`. */
  readonly host: string;
  /** A stream that says nothing for this long is given up. */
  readonly silenceMsMax: number;
}

/** One line of an engine's stream. `error` is how the engine reports a failure after it has answered 200. */
export interface EngineMessage {
  readonly id?: string;
  readonly aux?: unknown;
  readonly status?: string;
  readonly stream?: string;
  readonly error?: string;
  readonly errorDetail?: { readonly message?: string };
}

export interface EngineCall {
  readonly path: string;
  readonly query: Record<string, string>;
  readonly file?: Readable;
  readonly auth?: EngineAuth;
  readonly signal: AbortSignal;
  readonly onMessage: (message: EngineMessage) => void;
}

export interface EngineImage {
  readonly id: string;
  /** `name@sha256:…` of the registries that it came from or went to. */
  readonly digests: readonly string[];
  /** Instructions for whatever is built FROM it (ONBUILD). */
  readonly onBuild: readonly string[];
}

export interface UnnamedImage {
  readonly id: string;
  readonly createdAt: Date;
}

export interface Engine {
  /** POSTs and reads the answer to its end. Throws `build_failed` with the engine's words for a reported error. */
  stream(call: EngineCall): Promise<void>;
  /** POSTs without waiting for more than the status; used to end a build on the engine. */
  cancelBuild(id: string): Promise<void>;
  /** POSTs /session and hands over the connection, on which the engine is the client from then on. */
  openSession(headers: SessionHeaders, signal: AbortSignal): Promise<Duplex>;
  /** What the engine has under that name, or null. */
  image(reference: string): Promise<EngineImage | null>;
  /** `linux/amd64`. */
  platform(): Promise<string>;
  /** Images without a name that bear the label. */
  unnamedImages(label: string): Promise<readonly UnnamedImage[]>;
  /** False when it stays, because something uses it. */
  removeImage(id: string): Promise<boolean>;
  version(): Promise<string>;
}

export function createEngine(options: EngineOptions): Engine {
  const docker = new Docker(toDockerOptions(options.host));
  return {
    stream: (call) => stream(docker, options, call),
    cancelBuild: async (id) => {
      await dial(docker, { path: "/build/cancel?", query: { id }, isStream: false });
    },
    openSession: (headers, signal) =>
      hijack(docker, headers, signal).catch((cause: unknown) => {
        signal.throwIfAborted();
        throw sessionRefused(options.host, cause);
      }),
    image: (reference) => image(docker, options, reference),
    platform: async () => {
      const asked = ask<{ Os: string; Arch: string }>(docker, { path: "/version" });
      const { Os, Arch } = await asked.catch((cause: unknown) => {
        throw unreachable(options.host, cause);
      });
      return `${Os}/${Arch}`;
    },
    unnamedImages: (label) => unnamedImages(docker, options, label),
    removeImage: (id) => removeImage(docker, options, id),
    version: async () => {
      const asked = ask<{ Version: string; ApiVersion: string }>(docker, { path: "/version" });
      const version = await asked.catch((cause: unknown) => {
        throw unreachable(options.host, cause);
      });
      return `Docker ${version.Version} (API ${version.ApiVersion}) at ${options.host}`;
    },
  };
}

export function toDockerOptions(host: string): Docker.DockerOptions {
  const url = new URL(host);
  if (url.protocol === "unix:") return { socketPath: url.pathname };
  return { protocol: "http", host: url.hostname, port: Number(url.port || 2375) };
}

async function stream(docker: Docker, options: EngineOptions, call: EngineCall): Promise<void> {
  call.signal.throwIfAborted();
  const response = await dial(docker, { ...call, isStream: true }).catch((cause: unknown) => {
    call.signal.throwIfAborted();
    throw toEngineError(options.host, cause);
  });
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(), options.silenceMsMax);
  const stop = () => response.destroy();
  const ending = AbortSignal.any([call.signal, silence.signal]);
  ending.addEventListener("abort", stop, { once: true });
  try {
    if (ending.aborted) stop();
    for await (const line of readLines(response)) {
      timer.refresh();
      handleLine(line, call.onMessage);
    }
    ending.throwIfAborted();
  } catch (cause) {
    call.signal.throwIfAborted();
    if (silence.signal.aborted)
      throw new AppError("timeout", `the engine said nothing for ${options.silenceMsMax / 1000} s`);
    throw cause instanceof AppError ? cause : unreachable(options.host, cause);
  } finally {
    clearTimeout(timer);
    ending.removeEventListener("abort", stop);
    response.destroy();
  }
}

/** Unlike node:readline it throws when the stream breaks off, and it has a limit. */
async function* readLines(stream: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  // Joined once, when its end has come: an engine whose build prints without end sends lines of many pieces.
  let pieces: string[] = [];
  let chars = 0;
  for await (const chunk of stream) {
    const [first = "", ...others] = decoder.write(chunk).split("\n");
    pieces.push(first);
    chars += first.length;
    for (const next of others) {
      yield pieces.join("");
      pieces = [next];
      chars = next.length;
    }
    if (chars > lineCharsMax)
      throw new AppError("unavailable", `the engine sent a line of more than ${lineCharsMax} characters`);
  }
  yield pieces.join("");
}

function handleLine(line: string, onMessage: EngineCall["onMessage"]): void {
  if (line.trim() === "") return;
  const message = parseLine(line);
  const error = message.errorDetail?.message ?? message.error;
  if (error !== undefined) throw new AppError("build_failed", error);
  onMessage(message);
}

/** A line cut in the middle is the mark of an engine that died. */
function parseLine(line: string): EngineMessage {
  try {
    return JSON.parse(line) as EngineMessage; // the engine's format; every field is optional
  } catch (cause) {
    throw new AppError("unavailable", "the engine's answer broke off", { cause });
  }
}

/** Engine API, "ImageInspect"; the fields used here. */
interface InspectedImage {
  readonly Id: string;
  readonly RepoDigests?: string[] | null;
  readonly Config?: { readonly OnBuild?: string[] | null } | null;
}

async function image(docker: Docker, options: EngineOptions, reference: string): Promise<EngineImage | null> {
  try {
    const found = await ask<InspectedImage>(docker, { path: `/images/${reference}/json` });
    return { id: found.Id, digests: found.RepoDigests ?? [], onBuild: found.Config?.OnBuild ?? [] };
  } catch (cause) {
    if (statusOf(cause) === 404) return null;
    throw toEngineError(options.host, cause);
  }
}

async function unnamedImages(docker: Docker, options: EngineOptions, label: string): Promise<UnnamedImage[]> {
  const query = { filters: JSON.stringify({ dangling: ["true"], label: [label] }) };
  const asked = ask<{ Id: string; Created: number }[]>(docker, { path: "/images/json?", query });
  const found = await asked.catch((cause: unknown) => {
    throw toEngineError(options.host, cause);
  });
  return found.map(({ Id, Created }) => ({ id: Id, createdAt: new Date(Created * 1000) }));
}

async function removeImage(docker: Docker, options: EngineOptions, id: string): Promise<boolean> {
  try {
    await ask(docker, { path: `/images/${id}`, method: "DELETE" });
    return true;
  } catch (cause) {
    const status = statusOf(cause);
    if (status === 409) return false;
    if (status === 404) return true;
    throw toEngineError(options.host, cause);
  }
}
