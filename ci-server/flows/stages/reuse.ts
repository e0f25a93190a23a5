// Before an image is built: what it would be made from, whether that is allowed, and whether an earlier build has made it.

import { withBaseLine } from "../../core/base-line.ts";
import { type BasePolicy, isNamedHost, type Refusal, refuseNeeds } from "../../core/base-policy.ts";
import { parseBaseReference } from "../../core/base-reference.ts";
import type { BaseImage } from "../../core/build.ts";
import { keyText } from "../../core/content-key.ts";
import { type Needs, needsOf } from "../../core/dockerfile-needs.ts";
import { AppError } from "../../core/errors.ts";
import type { ResolvedBases } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { checkoutOf, repositoryOf, retry } from "./of-run.ts";

/** What names no image. */
const nothing: Pick<Needs, "frontend" | "images"> = { frontend: null, images: [] };

/**
 * Sets the image's source, its bases, those that are known, and its key; null where one is not. `recipe`: with all arguments that
 * the builder gets. Returns where the Dockerfile names them. Throws `invalid` for a host that is not allowed.
 */
export async function identifyImage(run: BuildRun, image: ImageRun, recipe: Recipe): Promise<typeof nothing> {
  if (recipe.type !== "docker") return nothing;
  const { contexts, bases } = run.parts;
  const { signal } = run;
  const [context, platform] = await Promise.all([
    contexts.read({ checkout: checkoutOf(run), recipe, signal }),
    retry(run, () => bases.platform(signal)),
  ]);
  image.source = { dockerfile: context.dockerfile, platform };
  const needs = needsOf(context.dockerfile, { ...recipe, platform });
  const repository = repositoryOf(run);
  const policy = run.parts.basePolicy(repository);
  const refusal = refuseNeeds(needs, policy);
  if (refusal !== null) throw refused(recipe, refusal);
  const found = await resolveBases(run, needs, policy).catch((error: unknown) => {
    throw withBaseLine(error, needs);
  });
  image.bases = found.bases;
  if (!found.isComplete) return needs;
  const lasting = await Promise.all(found.bases.map((base) => lastingName(run, base)));
  const args = withLastingNames(recipe.args, lasting);
  const parts = {
    recipe: { ...recipe, args },
    context: context.digest,
    platform,
    bases: lasting.map(({ base }) => base),
    sources: { submodules: repository.submoduleHosts !== null, lfs: repository.lfsHosts !== null },
  };
  image.key = await sha256(keyText(parts));
  return needs;
}

/** True when an earlier build has made the same, and the registry has it: nothing is left to be built. */
export async function reuseImage(run: BuildRun, image: ImageRun): Promise<boolean> {
  const { recipe, key } = image;
  if (recipe.noCache) run.log(`${recipe.service}: built anew, as asked (no_cache)`);
  if (recipe.noCache || key === null) return false;
  const made = await run.parts.store.madeImage(recipe.image, key);
  if (made === null) return false;
  const manifest = await retry(run, () => run.parts.registry.manifest(recipe.image, made.digest, run.signal));
  if (manifest === null) {
    run.log(`${recipe.service}: the same as build ${made.buildId}, but the registry does not have that any more`);
    return false;
  }
  image.reusedFrom = made.buildId;
  image.reusedId = made.imageId;
  image.digest = made.digest;
  run.log(`${recipe.service}: same as build ${made.buildId}: not built again`);
  return true;
}

async function resolveBases(run: BuildRun, { frontend, images }: Needs, policy: BasePolicy): Promise<ResolvedBases> {
  const references = [...(frontend === null ? [] : [frontend]), ...images].map(({ text }) => text);
  const own = references.flatMap((reference) => ofThisBuild(run, reference) ?? []);
  const others = references.filter((reference) => !own.some((base) => base.reference === reference));
  const { signal, log } = run;
  const mayBePrivate = (host: string) => isNamedHost(policy, host);
  const found = await retry(run, () => run.parts.bases.resolve({ references: others, mayBePrivate, signal, log }));
  return { ...found, bases: [...own, ...found.bases] };
}

/** Another image of the same build, which is on the engine and in no registry yet; null when it is none. */
function ofThisBuild({ images, parts }: BuildRun, reference: string): BaseImage | null {
  for (const { recipe, built } of images) {
    if (built !== null && reference === `${parts.pushHost}/${recipe.image}:${built.tag}`)
      return { reference, digest: built.imageId, local: true };
  }
  return null;
}

interface Lasting {
  readonly reference: string;
  /** For the key. */
  readonly base: BaseImage;
}

/**
 * Images of ours are named by the build that has made them, or by their manifest, which may say of which merge it is. For the
 * key it counts which image it is, however it is named.
 */
async function lastingName(run: BuildRun, base: BaseImage): Promise<Lasting> {
  const { reference } = base;
  const parsed = parseBaseReference(reference);
  const isOwn = parsed?.host === run.parts.pushHost.toLowerCase() && (base.local === true || parsed.digest !== null);
  if (parsed === null || !isOwn) return { reference, base };
  const name = `${parsed.host}/${parsed.path}`;
  const { digest } = parsed;
  if (digest === null) return { reference, base: { reference: name, digest: base.digest } };
  const manifest = await retry(run, () => run.parts.registry.manifest(parsed.path, digest, run.signal));
  return { reference, base: { reference: name, digest: manifest?.configDigest ?? digest } };
}

function withLastingNames(args: Recipe["args"], lasting: readonly Lasting[]): Record<string, string> {
  const entries = Object.entries(args).map(([name, value]) => {
    const base = lasting.find(({ reference }) => reference === value)?.base;
    return [name, base === undefined ? value : `${base.reference}@${base.digest}`];
  });
  return Object.fromEntries(entries);
}

export function refused({ service }: Recipe, { need, message, hint }: Refusal): AppError {
  const step = { number: null, name: `${need.instruction} ${need.text}`, dockerfileLine: need.line, exitCode: null };
  const failure = { kind: "base_image", service, step, lastLines: [], hint };
  return new AppError("invalid", `Dockerfile line ${need.line}: ${message}; ${hint}`, { details: { failure } });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256:${Buffer.from(digest).toString("hex")}`;
}
