// The images of a Docker engine that bear our label, and their removal; never by force, so that what is used stays.
// Source: Docker Engine API 1.41, /images, /containers/json, /build/prune, /system/df.

import Docker from "dockerode";
import type { EngineContainer, EngineImage } from "../core/engine-retention.ts";
import { AppError } from "../core/errors.ts";
import type { EngineContents, EngineImages } from "../core/ports.ts";
import type { RunningImage } from "../core/registry-stock.ts";
import { toDockerOptions } from "./docker-engine.ts";

/** Every image that a build makes bears it. */
const label = "dev.mergedock.repository";
/** An engine with thousands of images takes its time, and the pruning of a cache takes minutes. */
const answerMsMax = 60_000;
const pruneMsMax = 10 * 60_000;

interface ImageJson {
  readonly Id: string;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  /** Seconds. */
  readonly Created: number;
  readonly Size: number;
}

interface ContainerJson {
  readonly Names: readonly string[];
  readonly ImageID: string;
  readonly State: string;
}

export function createEngineImages(host: string): EngineImages {
  const docker = new Docker(toDockerOptions(host));
  const ask = <T>(call: Omit<Call, "host">) => dial<T>(docker, { host, ...call });
  return {
    contents: (signal) => contents(ask, signal),
    removeTag: (tag, signal) => removeImage(ask, tag, signal),
    async removeUntagged(id, signal) {
      const path = `/images/${id}/json`;
      const image = await ask<Pick<ImageJson, "RepoTags"> | null>({ method: "GET", path, signal, isOptional: true });
      if (image === null) return null;
      return (image.RepoTags ?? []).length > 0 ? "it has got a tag meanwhile" : removeImage(ask, id, signal);
    },
    async cacheBytes(signal) {
      const query = { type: "build-cache" };
      const used = await ask<{ readonly BuildCache: readonly { readonly Size: number }[] | null }>({
        ...{ method: "GET", path: "/system/df?", query, signal, ms: pruneMsMax },
      });
      return (used.BuildCache ?? []).reduce((sum, { Size }) => sum + Size, 0);
    },
    async pruneCache(keepBytes, signal) {
      const query = { all: "1", "keep-storage": String(keepBytes) };
      const call = { method: "POST", path: "/build/prune?", query, signal, ms: pruneMsMax } as const;
      return (await ask<{ readonly SpaceReclaimed?: number }>(call)).SpaceReclaimed ?? 0;
    },
  };
}

type Ask = <T>(call: Omit<Call, "host">) => Promise<T>;

async function contents(ask: Ask, signal: AbortSignal): Promise<EngineContents> {
  // The containers last: one that was begun meanwhile is seen.
  const query = { filters: JSON.stringify({ label: [label] }) };
  const images = await ask<readonly ImageJson[]>({ method: "GET", path: "/images/json?", query, signal });
  const all = { all: "1" };
  const containers = await ask<readonly ContainerJson[]>({
    method: "GET",
    path: "/containers/json?",
    query: all,
    signal,
  });
  const seen = containers.map(toContainer);
  return { images: images.map(toImage), containers: seen, running: seen.flatMap((one) => namesOf(one, images)) };
}

function toImage({ Id, RepoTags, RepoDigests, Created, Size }: ImageJson): EngineImage {
  // Older engines write <none> for what is not there.
  const names = (list: readonly string[] | null) => (list ?? []).filter((name) => !name.startsWith("<none>"));
  return {
    ...{ id: Id, tags: names(RepoTags), hasDigests: names(RepoDigests).length > 0 },
    ...{ createdAt: new Date(Created * 1000), bytes: Size },
  };
}

function toContainer({ Names, ImageID, State }: ContainerJson): EngineContainer {
  return { name: Names[0]?.slice(1) ?? "", imageId: ImageID, isRunning: State === "running" };
}

/** The history may know it by the id or by a manifest that was pushed or pulled. */
function namesOf({ name, imageId, isRunning }: EngineContainer, images: readonly ImageJson[]): RunningImage[] {
  const image = images.find(({ Id }) => Id === imageId);
  if (image === undefined) return [];
  const digests = (image.RepoDigests ?? []).flatMap((reference) => reference.split("@")[1] ?? []);
  const where = `container ${name} (${isRunning ? "running" : "stopped"})`;
  return [imageId, ...digests].map((id) => ({ id, where }));
}

/** 409: a container uses it. `noprune`: what it was made from is not ours to remove. */
async function removeImage(ask: Ask, name: string, signal: AbortSignal): Promise<string | null> {
  const call = {
    method: "DELETE",
    path: `/images/${name}?`,
    query: { noprune: "1" },
    signal,
    isOptional: true,
  } as const;
  try {
    await ask(call);
    return null;
  } catch (cause) {
    if (cause instanceof AppError && cause.code === "conflict") return cause.message;
    throw cause;
  }
}

interface Call {
  readonly host: string;
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly ms?: number;
  /** What is not there is null. */
  readonly isOptional?: boolean;
}

function dial<T>(docker: Docker, call: Call): Promise<T> {
  const { method, path, query, signal, ms = answerMsMax } = call;
  const abortSignal = AbortSignal.any([signal, AbortSignal.timeout(ms)]);
  // No other status is named here, so that the modem turns each into an error with its statusCode.
  const options = { path, method, options: { _query: query ?? {} }, statusCodes: { 200: true }, abortSignal };
  return new Promise((resolve, reject) => {
    docker.modem.dial(options, (error: unknown, answer: unknown) => {
      const status = (error as { statusCode?: number } | null)?.statusCode; // the modem's errors carry it
      if (!error)
        resolve(answer as T); // the engine's answer, whose fields the caller knows from its API
      else if (status === 404 && call.isOptional)
        resolve(null as T); // who says isOptional expects it
      else reject(signal.aborted ? signal.reason : toError(call, status, error));
    });
  });
}

function toError({ host, method, path }: Call, status: number | undefined, cause: unknown): AppError {
  const { json, message } = cause as { json?: { message?: string }; message?: string }; // the modem's errors have them
  const why = json?.message ?? message ?? String(cause);
  if (status === 409) return new AppError("conflict", why, { cause });
  return new AppError("unavailable", `the Docker engine at ${host} did not do ${method} ${path}: ${why}`, { cause });
}
