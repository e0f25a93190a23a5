// Brings to the engine what an image is FROM, before it is built: BuildKit of engine 20.10 has neither certificates nor
// credentials for a private registry, the engine itself has both.

import { type BaseReference, dockerHub, fullName, parseBaseReference } from "../core/base-reference.ts";
import type { BaseImage } from "../core/build.ts";
import { type CredentialsByHost, credentialHost } from "../core/credentials.ts";
import { AppError, toAppError } from "../core/errors.ts";
import type { BroughtAlong } from "../core/onbuild.ts";
import type { WriteLine } from "../core/ports.ts";
import { baseImageError } from "./base-image-error.ts";
import type { Engine, EngineImage } from "./docker-engine.ts";
import type { EngineAuth } from "./engine-request.ts";
import { parseBrought } from "./onbuild.ts";

export interface BasesRequest {
  readonly bases: readonly BaseImage[];
  readonly credentials: CredentialsByHost;
  readonly signal: AbortSignal;
  readonly log: WriteLine;
}

/**
 * Returns what they bring along for whoever is FROM them. Throws `build_failed`, `unauthorized`, `forbidden` or `unavailable`,
 * each with `details.failure` and what to do; and `invalid` for one that brings along too much.
 */
export async function ensureBases(engine: Engine, request: BasesRequest): Promise<readonly BroughtAlong[]> {
  const brought: BroughtAlong[] = [];
  for (const base of request.bases) {
    const reference = parseBaseReference(base.reference);
    if (reference === null) continue;
    const { onBuild } = await ensureBase(engine, base, reference, request);
    if (onBuild.length > 0) brought.push(parseBrought(base.reference, onBuild));
  }
  return brought;
}

async function ensureBase(
  engine: Engine,
  base: BaseImage,
  reference: BaseReference,
  request: BasesRequest,
): Promise<EngineImage> {
  const there = await engine.image(nameOf(reference));
  if (there !== null && isOf(there, base)) return there;
  request.log(`pulling the base image ${base.reference}`);
  await pull(engine, reference, request).catch((thrown: unknown) => {
    request.signal.throwIfAborted();
    const error = toAppError(thrown);
    // Without words of the engine it is the engine that could not be asked.
    const words = error.code === "build_failed" ? error.message : error.details.words;
    throw typeof words === "string" ? baseImageError(base.reference, words, error) : error;
  });
  const pulled = await engine.image(nameOf(reference));
  if (pulled !== null && isOf(pulled, base)) return pulled;
  const found = pulled?.digests.join(", ") || pulled?.id || "nothing";
  throw new AppError(
    "unavailable",
    `the base image ${base.reference} was ${base.digest} when the build began, and is ${found} now: it has to begin anew`,
  );
}

function isOf(image: EngineImage, { digest }: BaseImage): boolean {
  return image.id === digest || image.digests.some((name) => name.endsWith(`@${digest}`));
}

/** A tag beside a digest says nothing. */
function nameOf(reference: BaseReference): string {
  return fullName(reference.digest === null ? reference : { ...reference, tag: null });
}

async function pull(
  engine: Engine,
  { host, path, tag, digest }: BaseReference,
  { credentials, signal }: BasesRequest,
): Promise<void> {
  const auth = toAuth(credentials, host);
  const query = { fromImage: `${host}/${path}`, tag: digest ?? tag ?? "latest" };
  // Its progress is told layer by layer, many times a second.
  await engine.stream({ path: "/images/create?", query, ...(auth && { auth }), signal, onMessage: () => undefined });
}

/** Undefined where anybody may read. */
function toAuth(credentials: CredentialsByHost, host: string): EngineAuth | undefined {
  const found = credentials.get(credentialHost(host));
  return found && { ...found, serveraddress: host === dockerHub ? "https://index.docker.io/v1/" : host };
}
