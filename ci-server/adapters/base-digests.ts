// What the images that a Dockerfile is FROM are at this moment: their registries are asked first, then the engine.

import { type BaseReference, fullName, parseBaseReference } from "../core/base-reference.ts";
import type { BaseImage } from "../core/build.ts";
import { toAppError } from "../core/errors.ts";
import type { Bases, BasesRequest } from "../core/ports.ts";
import { baseImageError } from "./base-image-error.ts";
import type { Engine } from "./docker-engine.ts";
import { createRegistryHead, type RegistryAccess, type RegistryHead } from "./registry-head.ts";

/** A registry that was not reached is not asked again for so long: where there is no way out, builds must not wait for it. */
const awayMs = 60_000;

export interface BaseDigestsOptions {
  readonly engine: Pick<Engine, "image" | "platform">;
  /** Our own and those that are configured, by their hosts in lower case. */
  readonly registries: ReadonlyMap<string, RegistryAccess>;
  /** Our own registry's host as the engine sees it. */
  readonly pushHost: string;
  readonly timeoutMs: number;
}

export interface BaseDigests extends Bases {
  close(): Promise<void>;
}

interface Shared extends BaseDigestsOptions {
  readonly head: RegistryHead;
  /** Until when each host is not asked. */
  readonly away: Map<string, number>;
}

export function createBaseDigests(options: BaseDigestsOptions): BaseDigests {
  const head = createRegistryHead(options);
  const shared = { ...options, head, away: new Map<string, number>() };
  return {
    platform: () => options.engine.platform(),
    async resolve(request) {
      const found = await Promise.all(request.references.map((reference) => resolveOne(shared, request, reference)));
      const bases = found.filter((base) => base !== null);
      return { bases, isComplete: bases.length === found.length };
    },
    async inRegistry({ reference, mayBePrivate, signal }) {
      const parsed = parseBaseReference(reference);
      if (parsed === null) return null;
      return head.digest({ reference: parsed, mayBePrivate: mayBePrivate(parsed.host), signal });
    },
    close: head.close,
  };
}

async function resolveOne(shared: Shared, request: BasesRequest, reference: string): Promise<BaseImage | null> {
  const parsed = parseBaseReference(reference);
  if (parsed === null) return null;
  if (parsed.digest !== null) return { reference, digest: parsed.digest };
  const made = isOwnBuild(shared, parsed) ? await shared.engine.image(fullName(parsed)) : null;
  if (made !== null) return { reference, digest: made.id, local: true };
  const asked = await askRegistry(shared, request, parsed);
  if (typeof asked === "string") return { reference, digest: asked };
  return askEngine(shared, request, { reference, parsed, ...asked });
}

/** Another image of the same merge: it may not be in the registry yet. */
function isOwnBuild({ pushHost }: Shared, { host, tag }: BaseReference): boolean {
  return host === pushHost.toLowerCase() && /^build-\d+(?:-\d+)?$/.test(tag ?? "");
}

/** The digest, or why there is none. */
async function askRegistry(
  { head, away }: Shared,
  { mayBePrivate, signal }: BasesRequest,
  reference: BaseReference,
): Promise<string | NoDigest> {
  const { host } = reference;
  if ((away.get(host) ?? 0) > performance.now())
    return { why: `the registry ${host} was of no use a moment ago`, isMissing: false };
  try {
    const digest = await head.digest({ reference, mayBePrivate: mayBePrivate(host), signal });
    return digest ?? { why: `the registry ${host} has no ${reference.path}:${reference.tag}`, isMissing: true };
  } catch (cause) {
    signal.throwIfAborted();
    const error = toAppError(cause);
    if (error.details.privateAddress !== undefined) throw error;
    if (error.code === "unavailable") away.set(host, performance.now() + awayMs);
    return { why: error.message, isMissing: false };
  }
}

interface NoDigest {
  readonly why: string;
  /** The registry itself says that it has no such image. */
  readonly isMissing: boolean;
}

interface Unanswered extends NoDigest {
  readonly reference: string;
  readonly parsed: BaseReference;
}

/** What it has it takes, whatever the registry would have said. Throws `build_failed` for what is nowhere. */
async function askEngine(
  { engine }: Shared,
  { log }: BasesRequest,
  { reference, parsed, why, isMissing }: Unanswered,
): Promise<BaseImage | null> {
  const image = await engine.image(reference);
  if (image === null && isMissing) throw baseImageError(reference, `not found: ${why}`, null);
  if (image === null) {
    log(`${reference}: ${why}, and the engine does not have it: what this is made from is not known beforehand`);
    return null;
  }
  const digest = image.digests.flatMap((one) => ofSameName(one, parsed)).at(0);
  log(`${reference}: ${why}; the engine's own is taken, ${digest ?? image.id}`);
  return digest === undefined ? { reference, digest: image.id, local: true } : { reference, digest };
}

function ofSameName(repoDigest: string, { host, path }: BaseReference): string[] {
  const parsed = parseBaseReference(repoDigest);
  return parsed?.host === host && parsed.path === path && parsed.digest !== null ? [parsed.digest] : [];
}
