// Builds an image with BuildKit on the Docker engine, from the checkout's files, and lets the engine push it.

import { randomUUID } from "node:crypto";
import { packContext } from "../adapters/build-context.ts";
import { BuildkitTrace } from "../adapters/buildkit-trace.ts";
import type { Engine, EngineMessage } from "../adapters/docker-engine.ts";
import { withFailedStep } from "../adapters/failed-step.ts";
import { toPushError } from "../adapters/push-error.ts";
import { AppError } from "../core/errors.ts";
import { attemptTag, isDigest } from "../core/image-ref.ts";
import type { Builder, BuilderRequest, Built } from "../core/ports.ts";

export interface DockerBuilderOptions {
  readonly engine: Engine;
  /** Host and port of the registry as the *engine* sees it. */
  readonly pushHost: string;
  readonly username: string;
  readonly password: string;
}

export function createDockerBuilder(options: DockerBuilderOptions): Builder {
  return {
    build: (request) => build(options, request),
    has: (request, built) => has(options, request, built),
    push: (request, built) => push(options, request, built),
    check: () => options.engine.version(),
  };
}

async function build({ engine, pushHost }: DockerBuilderOptions, request: BuilderRequest): Promise<Built> {
  const { recipe, checkout, signal } = request;
  const reading = readBuild(request);
  const toFailed = async (thrown: unknown) => {
    throw await withFailedStep(thrown, request, reading.trace);
  };
  const file = await packContext({ ...recipe, folder: checkout.folder, mtime: checkout.committedAt }).catch(toFailed);
  const engineBuild = randomUUID();
  // Closing the stream is not enough for every engine: it has to be told which build to end.
  const cancel = () => void engine.cancelBuild(engineBuild).catch(() => undefined);
  signal.addEventListener("abort", cancel, { once: true });
  try {
    const query = buildQuery(pushHost, request, engineBuild);
    await engine.stream({ path: "/build?", query, file, signal, onMessage: reading.onMessage });
  } catch (thrown) {
    return await toFailed(thrown);
  } finally {
    reading.end();
    signal.removeEventListener("abort", cancel);
    file.destroy();
  }
  return { imageId: await confirmImage(engine, reading.imageId()), tag: attemptTag(request) };
}

function buildQuery(pushHost: string, request: BuilderRequest, engineBuild: string): Record<string, string> {
  const { recipe } = request;
  return {
    version: "2",
    buildid: engineBuild,
    t: `${pushHost}/${recipe.image}:${attemptTag(request)}`,
    dockerfile: recipe.dockerfile,
    labels: JSON.stringify(recipe.labels),
    // The engine reads it as a boolean; intermediate containers are removed even after a failure.
    rm: "1",
    forcerm: "1",
  };
}

function readBuild(request: BuilderRequest): {
  onMessage: (message: EngineMessage) => void;
  imageId: () => string | null;
  end: () => void;
  trace: BuildkitTrace;
} {
  const trace = new BuildkitTrace();
  let imageId: string | null = null;
  const onMessage = (message: EngineMessage) => {
    if (message.id === "moby.buildkit.trace" && typeof message.aux === "string") {
      for (const { text, origin } of trace.lines(message.aux)) request.log(text, origin);
    } else if (message.id === "moby.image.id") {
      imageId = (message.aux as { ID?: string } | undefined)?.ID ?? null; // types.BuildResult of the engine's API
    } else if (message.stream !== undefined) {
      request.log(message.stream.trimEnd());
    }
  };
  const end = () => {
    for (const { text, origin } of trace.end()) request.log(text, origin);
  };
  return { onMessage, imageId: () => imageId, end, trace };
}

/** A stream may end without an error and without an image, as when the engine is killed. */
async function confirmImage(engine: Engine, imageId: string | null): Promise<string> {
  const found = imageId === null ? null : await engine.imageId(imageId);
  if (found === null)
    throw new AppError("unavailable", "the engine ended the build without an image and without an error");
  return found;
}

async function has(
  { engine, pushHost }: DockerBuilderOptions,
  { recipe }: BuilderRequest,
  built: Built,
): Promise<boolean> {
  return (await engine.imageId(`${pushHost}/${recipe.image}:${built.tag}`)) === built.imageId;
}

async function push(options: DockerBuilderOptions, request: BuilderRequest, built: Built): Promise<string> {
  const { engine, pushHost, username, password } = options;
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
  const auth = { username, password, serveraddress: pushHost };
  const call = { path: `/images/${name}/push?`, query: { tag }, auth, signal, onMessage };
  await engine.stream(call).catch((error: unknown) => {
    throw toPushError(pushHost, error);
  });
  if (digest === undefined || !isDigest(digest))
    throw new AppError("unavailable", `the engine ended the push of ${name} without a digest`);
  return digest;
}
