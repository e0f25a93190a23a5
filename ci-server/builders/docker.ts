// Builds an image with BuildKit on the Docker engine, from the checkout's files, and lets the engine push it.

import { createHash, randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import { type OpenContext, openContext, packContext, readDockerfile } from "../adapters/build-context.ts";
import { explainFailure, withRunningStep } from "../adapters/buildkit-failure.ts";
import { openSession, type Session, type SessionContext } from "../adapters/buildkit-session.ts";
import { BuildkitTrace, type TraceFailure } from "../adapters/buildkit-trace.ts";
import type { Engine, EngineMessage } from "../adapters/docker-engine.ts";
import { ensureBases } from "../adapters/engine-bases.ts";
import { sweepEngine } from "../adapters/engine-leftovers.ts";
import { toPushError } from "../adapters/push-error.ts";
import type { BuildStep } from "../core/build-step.ts";
import { type CredentialsByHost, credentialHost } from "../core/credentials.ts";
import { AppError } from "../core/errors.ts";
import { knownFailure } from "../core/failure.ts";
import { attemptTag, isDigest } from "../core/image-ref.ts";
import type { Builder, BuilderRequest, Built, ContextTransfer } from "../core/ports.ts";
import { refuseSecretArgs } from "../core/secret-args.ts";

export interface DockerBuilderOptions {
  readonly engine: Engine;
  /** Host and port of the registry as the *engine* sees it. */
  readonly pushHost: string;
  /** Of that registry, and of those from which base images come. */
  readonly credentials: CredentialsByHost;
  readonly contextTransfer: ContextTransfer;
}

interface Parts extends DockerBuilderOptions {
  /** How often each context was sent to a new place, because the engine had mixed up what it remembers of it. */
  readonly renewals: Map<string, number>;
}

export function createDockerBuilder(options: DockerBuilderOptions): Builder {
  const parts = { ...options, renewals: new Map<string, number>() };
  return {
    build: (request) => build(parts, request),
    has: (request, built) => has(options, request, built),
    push: (request, built) => push(options, request, built),
    sweep: (madeBefore) => sweepEngine(options.engine, madeBefore),
    check: () => options.engine.version(),
  };
}

async function build(options: Parts, request: BuilderRequest): Promise<Built> {
  const { engine, credentials } = options;
  const { recipe, bases, signal, log } = request;
  refuseSecretArgs(recipe.args);
  request.onBrought(await ensureBases(engine, { bases, credentials, signal, log }));
  const imageId = await runBuild(options, request).catch((error: unknown) => {
    if (options.contextTransfer !== "sync" || !isMixedUp(error)) throw error;
    log("the engine looks for a file that it was told of by an earlier build: the context is sent anew");
    const place = placeOf(request);
    options.renewals.set(place, (options.renewals.get(place) ?? 0) + 1);
    return runBuild(options, request);
  });
  return { imageId: await confirmImage(engine, imageId), tag: attemptTag(request) };
}

/**
 * BuildKit of engine 20.10 may take a file that is long gone for one that a pattern fits, after many builds from one context. Of a
 * pattern that really fits nothing it says other words.
 */
function isMixedUp(error: unknown): boolean {
  if (!(error instanceof AppError) || error.code !== "build_failed") return false;
  const copied = knownFailure(error).step?.name ?? "";
  return (
    /\b(?:COPY|ADD)\b.*[*?[]/.test(copied.replace(/^\[[^\]]*\]/, "")) && /"\/[^"]*":? not found/.test(error.message)
  );
}

/** The image's id as the engine's stream says it. */
async function runBuild(options: Parts, request: BuilderRequest): Promise<string | null> {
  const { engine } = options;
  const { recipe, checkout, signal } = request;
  const context = { ...recipe, folder: checkout.folder };
  const opened = await openContext(context);
  const isSync = options.contextTransfer === "sync";
  // Of a request with no file at all the engine's answer is empty.
  const file = isSync ? Readable.from([]) : packContext(opened, checkout.committedAt);
  const engineBuild = randomUUID();
  // Closing the stream is not enough for every engine: it has to be told which build to end.
  const cancel = () => void engine.cancelBuild(engineBuild).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  const reading = readBuild(request);
  let session: Session | null = null;
  try {
    session = await offer(options, request, isSync ? toSessionContext(options, request, opened) : null);
    const query = {
      ...buildQuery(options, request, engineBuild),
      ...(session && { session: session.id }),
      ...(isSync && { remote: "client-session" }),
    };
    await engine.stream({ path: "/build?", query, file, signal, onMessage: reading.onMessage });
    return reading.imageId();
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const dockerfile = await readDockerfile(context);
    if (error.code !== "build_failed") throw withRunningStep(error, reading.running(), dockerfile);
    throw explainFailure({ error, failures: reading.failures(), dockerfile, target: recipe.target });
  } finally {
    reading.end();
    signal.removeEventListener("abort", cancel);
    session?.close();
    file.destroy();
  }
}

/** Null when there is nothing that the engine could ask for. */
async function offer(
  { engine, credentials }: DockerBuilderOptions,
  request: BuilderRequest,
  context: SessionContext | null,
): Promise<Session | null> {
  const { recipe, signal } = request;
  const secrets = new Map([...request.secrets].filter(([name]) => recipe.secrets.includes(name)));
  if (secrets.size === 0 && credentials.size === 0 && context === null) return null;
  return openSession((headers) => engine.openSession(headers, signal), { secrets, credentials, context });
}

/** Each worktree has its own, and each image in it: two builds at once would otherwise be in each other's way. */
function toSessionContext({ renewals }: Parts, request: BuilderRequest, files: OpenContext): SessionContext {
  const place = placeOf(request);
  const key = `${place} ${renewals.get(place) ?? 0}`;
  return { files, key: createHash("sha256").update(key).digest("hex") };
}

function placeOf({ checkout, recipe }: BuilderRequest): string {
  return JSON.stringify([checkout.folder, recipe.image, recipe.context]);
}

function buildQuery(
  { pushHost }: DockerBuilderOptions,
  request: BuilderRequest,
  engineBuild: string,
): Record<string, string> {
  const { recipe } = request;
  return {
    version: "2",
    buildid: engineBuild,
    t: `${pushHost}/${recipe.image}:${attemptTag(request)}`,
    dockerfile: recipe.dockerfile,
    ...(recipe.target !== null && { target: recipe.target }),
    buildargs: JSON.stringify(recipe.args),
    labels: JSON.stringify(recipe.labels),
    ...(recipe.noCache && { nocache: "1" }),
    // The engine reads it as a boolean; intermediate containers are removed even after a failure.
    rm: "1",
    forcerm: "1",
  };
}

interface Reading {
  onMessage(message: EngineMessage): void;
  imageId(): string | null;
  failures(): readonly TraceFailure[];
  /** The step that runs. */
  running(): BuildStep | null;
  /** Tells what was begun to be printed. */
  end(): void;
}

function readBuild(request: BuilderRequest): Reading {
  const trace = new BuildkitTrace({ onLine: request.log, onStep: request.onStep });
  let imageId: string | null = null;
  return {
    onMessage(message) {
      if (message.id === "moby.buildkit.trace" && typeof message.aux === "string") {
        trace.read(message.aux);
      } else if (message.id === "moby.image.id") {
        imageId = (message.aux as { ID?: string } | undefined)?.ID ?? null; // types.BuildResult of the engine's API
      } else if (message.stream !== undefined) {
        request.log(message.stream.trimEnd());
      }
    },
    imageId: () => imageId,
    failures: () => trace.failures,
    running: () => trace.running,
    end: () => trace.end(),
  };
}

/** A stream may end without an error and without an image, as when the engine is killed. */
async function confirmImage(engine: Engine, imageId: string | null): Promise<string> {
  const found = imageId === null ? null : await engine.image(imageId);
  if (found === null)
    throw new AppError("unavailable", "the engine ended the build without an image and without an error");
  return found.id;
}

async function has(
  { engine, pushHost }: DockerBuilderOptions,
  { recipe }: BuilderRequest,
  built: Built,
): Promise<boolean> {
  return (await engine.image(`${pushHost}/${recipe.image}:${built.tag}`))?.id === built.imageId;
}

async function push(options: DockerBuilderOptions, request: BuilderRequest, built: Built): Promise<string> {
  const { engine, pushHost, credentials } = options;
  const { recipe, signal, log } = request;
  const name = `${pushHost}/${recipe.image}`;
  const { tag } = built;
  if (!(await has(options, request, built))) {
    throw new AppError(
      "unavailable",
      `${name}:${tag} is not the image that was just built; something else uses this engine`,
    );
  }
  let digest: string | undefined;
  const onMessage = (message: EngineMessage) => {
    digest = (message.aux as { Digest?: string } | undefined)?.Digest ?? digest; // PushResult of the engine's API
    if (message.status !== undefined && message.id === undefined) log(message.status);
  };
  // The engine refuses a push that says nothing of who pushes.
  const { username, password } = credentials.get(credentialHost(pushHost)) ?? { username: "", password: "" };
  const auth = { username, password, serveraddress: pushHost };
  const call = { path: `/images/${name}/push?`, query: { tag }, auth, signal, onMessage };
  await engine.stream(call).catch((error: unknown) => {
    throw toPushError(pushHost, error);
  });
  if (digest === undefined || !isDigest(digest))
    throw new AppError("unavailable", `the engine ended the push of ${name} without a digest`);
  return digest;
}
