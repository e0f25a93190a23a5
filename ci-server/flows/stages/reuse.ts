// Before an image is built: what it would be made from, whether that is allowed, and whether an earlier build has made it.

import { isNamedHost, type Refusal, refuseNeeds } from "../../core/base-policy.ts";
import type { BaseImage } from "../../core/build.ts";
import { keyText } from "../../core/content-key.ts";
import { type Needs, needsOf } from "../../core/dockerfile-needs.ts";
import { AppError } from "../../core/errors.ts";
import { attemptTag } from "../../core/image-ref.ts";
import type { Recipe } from "../../core/recipe.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { checkoutOf, repositoryOf, retry } from "./of-run.ts";

/** Sets the image's bases and its key; null where something of it cannot be known. Throws `invalid` for a host that is not allowed. */
export async function identifyImage(run: BuildRun, image: ImageRun): Promise<void> {
  const { recipe } = image;
  if (recipe.type !== "docker") return;
  const { contexts, bases } = run.parts;
  const { signal } = run;
  const [context, platform] = await Promise.all([
    contexts.read({ checkout: checkoutOf(run), recipe, signal }),
    retry(run, () => bases.platform(signal)),
  ]);
  const needs = needsOf(context.dockerfile, { ...recipe, platform });
  const policy = run.parts.basePolicy(repositoryOf(run));
  const refusal = refuseNeeds(needs, policy);
  if (refusal !== null) throw refused(recipe, refusal);
  const found = await resolveBases(run, needs);
  image.bases = found ?? [];
  if (found === null) return;
  const parts = { recipe: { ...recipe, args: argsOf(run, recipe) }, context: context.digest, platform, bases: found };
  image.key = await sha256(keyText(parts));
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

async function resolveBases(run: BuildRun, { frontend, images }: Needs): Promise<readonly BaseImage[] | null> {
  const { bases, basePolicy } = run.parts;
  const policy = basePolicy(repositoryOf(run));
  const references = [...(frontend === null ? [] : [frontend]), ...images].map(({ text }) => text);
  const own = references.flatMap((reference) => ofThisBuild(run, reference) ?? []);
  const others = references.filter((reference) => ofThisBuild(run, reference) === null);
  const { signal, log } = run;
  const mayBePrivate = (host: string) => isNamedHost(policy, host);
  const found = await retry(run, () => bases.resolve({ references: others, mayBePrivate, signal, log }));
  return found === null ? null : [...own, ...found];
}

/** Another image of the same build, by the id that stays the same whether it was built or found made; null where it is none. */
function ofThisBuild(run: BuildRun, reference: string): BaseImage | null {
  for (const { recipe, built, reusedId, digest } of run.images) {
    const name = `${run.parts.pushHost}/${recipe.image}`;
    const id = built?.imageId ?? reusedId;
    const names = [`${name}:${built?.tag ?? attemptTag(run.at)}`, `${name}@${digest}`];
    if (id !== null && id !== undefined && names.includes(reference))
      return { reference: name, digest: id, local: true };
  }
  return null;
}

/** An argument that names another image of the build names that by the build's number: what counts is which image it is. */
function argsOf(run: BuildRun, { args }: Recipe): Record<string, string> {
  const entries = Object.entries(args).map(([name, value]) => {
    const base = ofThisBuild(run, value);
    return [name, base === null ? value : `${base.reference}@${base.digest}`];
  });
  return Object.fromEntries(entries);
}

function refused({ service }: Recipe, { need, message, hint }: Refusal): AppError {
  const step = { number: null, name: `${need.instruction} ${need.text}`, dockerfileLine: need.line, exitCode: null };
  const failure = { kind: "base_image", service, step, lastLines: [], hint };
  return new AppError("invalid", `Dockerfile line ${need.line}: ${message}; ${hint}`, { details: { failure } });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `sha256:${Buffer.from(digest).toString("hex")}`;
}
