// The Docker engine's API through dockerode's modem, its streams read here: a stream that ends early is never a success.

import type { Readable } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import Docker from "dockerode";
import { AppError } from "../core/errors.ts";

// BuildKit sends what a step prints in pieces far below this.
const lineCharsMax = 16 * 1024 * 1024;

// For what needs no work of the engine: one that is hung must not hang us.
const answerMsMax = 10_000;

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
  readonly auth?: { readonly username: string; readonly password: string; readonly serveraddress: string };
  readonly signal: AbortSignal;
  readonly onMessage: (message: EngineMessage) => void;
}

export interface Engine {
  /** POSTs and reads the answer to its end. Throws `build_failed` with the engine's words for a reported error. */
  stream(call: EngineCall): Promise<void>;
  /** POSTs without waiting for more than the status; used to end a build on the engine. */
  cancelBuild(id: string): Promise<void>;
  /** The image's id, or null. */
  imageId(reference: string): Promise<string | null>;
  version(): Promise<string>;
}

export function createEngine(options: EngineOptions): Engine {
  const docker = new Docker(toDockerOptions(options.host));
  return {
    stream: (call) => stream(docker, options, call),
    cancelBuild: async (id) => {
      await dial(docker, { path: "/build/cancel?", query: { id }, isStream: false });
    },
    imageId: (reference) => imageId(docker, options, reference),
    version: async () => {
      const version = await ask<{ Version: string; ApiVersion: string }>(docker, "/version").catch((cause: unknown) => {
        throw unreachable(options, cause);
      });
      return `Docker ${version.Version} (API ${version.ApiVersion}) at ${options.host}`;
    },
  };
}

function toDockerOptions(host: string): Docker.DockerOptions {
  const url = new URL(host);
  if (url.protocol === "unix:") return { socketPath: url.pathname };
  return { protocol: "http", host: url.hostname, port: Number(url.port || 2375) };
}

async function stream(docker: Docker, options: EngineOptions, call: EngineCall): Promise<void> {
  call.signal.throwIfAborted();
  const response = await dial(docker, { ...call, isStream: true }).catch((cause: unknown) => {
    call.signal.throwIfAborted();
    throw toEngineError(options, cause);
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
    throw cause instanceof AppError ? cause : unreachable(options, cause);
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

interface Dial {
  readonly path: string;
  readonly query: Record<string, string>;
  readonly file?: Readable;
  readonly auth?: EngineCall["auth"];
  readonly signal?: AbortSignal;
  readonly isStream: boolean;
}

function dial(docker: Docker, { path, query, file, auth, signal, isStream }: Dial): Promise<Readable> {
  const optional = { ...(auth && { authconfig: auth }), ...(signal && { abortSignal: signal }), ...(file && { file }) };
  // No status but 200 is named here, so that the modem turns every other into an error with its statusCode.
  const options = {
    path,
    method: "POST",
    options: { _query: query },
    isStream,
    statusCodes: { 200: true, 204: true },
    ...optional,
  };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error: unknown, response: unknown) => {
      if (error) reject(error);
      else resolve(response as Readable); // isStream gives the response itself
    });
  });
}

/** GETs JSON, within a time: the engine's answer, whose fields the caller knows from its API. */
function ask<T>(docker: Docker, path: string): Promise<T> {
  const options = { path, method: "GET", statusCodes: { 200: true }, abortSignal: AbortSignal.timeout(answerMsMax) };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error: unknown, answer: unknown) => {
      if (error) reject(error);
      else resolve(answer as T);
    });
  });
}

async function imageId(docker: Docker, options: EngineOptions, reference: string): Promise<string | null> {
  try {
    return (await ask<{ Id: string }>(docker, `/images/${reference}/json`)).Id;
  } catch (cause) {
    if ((cause as { statusCode?: number }).statusCode === 404) return null; // the modem's errors carry it
    throw toEngineError(options, cause);
  }
}

/** Without a status the engine was not reached, from 500 on it is in trouble itself: what else it says of a build is the user's to mend. */
function toEngineError(options: EngineOptions, cause: unknown): AppError {
  const { statusCode, json, reason } = cause as { statusCode?: number; json?: { message?: string }; reason?: string };
  if (statusCode === undefined) return unreachable(options, cause);
  const message = json?.message ?? reason ?? String(cause);
  if (statusCode < 500) return new AppError("build_failed", message, { cause, details: { statusCode } });
  return new AppError("unavailable", `the Docker engine at ${options.host} is in trouble: ${message}`, { cause });
}

function unreachable(options: EngineOptions, cause: unknown): AppError {
  const why = cause instanceof Error ? cause.message : String(cause);
  const message = `the Docker engine at ${options.host} cannot be reached: ${why}; is it running, and may this user open it?`;
  return new AppError("unavailable", message, { cause });
}
