// The stages of a build, each one a step over the ports; run-build.ts puts them in order and records them.

import type { Build, Image } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import { attemptTag, digestReference } from "../core/image-ref.ts";
import { plan } from "../core/plan.ts";
import type { BuilderRequest, Built, Checkout, Manifest, MergeHint } from "../core/ports.ts";
import type { Recipe, Repository } from "../core/recipe.ts";
import type { BuildRun } from "./build-run.ts";
import { judgeMerge } from "./judge-merge.ts";
import { withRetry } from "./with-retry.ts";

/** Lays out exactly the merged commit, or the commit that the ref of a manual build names now. */
export async function fetchCommit(run: BuildRun): Promise<void> {
  const { build, signal, log, parts } = run;
  const repository = repositoryOf(run);
  const ref = build.ref ?? repository.branches[0] ?? "";
  // A ref that was asked for by hand is resolved anew: it may name a tag, or what no branch holds.
  const sha = build.trigger === "pull_request" ? build.sha : null;
  const merge = mergeHint(build);
  const checkout = () => parts.git.checkout({ repository, ref, sha, merge, signal, log });
  run.checkout = await retry(run, checkout).catch(missingForGood);
  if (sha === null) await parts.store.resolveSha(run.at, run.checkout.sha);
}

function mergeHint({ pullRequest }: Build): MergeHint | null {
  if (pullRequest === null) return null;
  const { headRef = null, headSha = null, commits = 1 } = pullRequest;
  return { headRef, headSha, commits };
}

/** A replica lags for seconds: a commit that is not there after the tries is not on the branch. */
function missingForGood(error: unknown): never {
  if (!(error instanceof AppError) || error.details.replicaLag !== true) throw error;
  throw new AppError("conflict", error.message, { cause: error });
}

export async function planRecipes(run: BuildRun): Promise<void> {
  const repository = repositoryOf(run);
  await judgeMerge(run, repository);
  if (run.skipReason !== null) return;
  run.recipes = plan(run.build, repository, checkoutOf(run));
  for (const recipe of run.recipes) run.log(`${recipe.service}: ${recipe.image}, tags ${recipe.tags.join(", ")}`);
}

/** What an earlier attempt has built, and is still there, is not built again. */
export async function buildImages(run: BuildRun): Promise<void> {
  const { store, builder } = run.parts;
  const artifacts = run.at.attempt === 1 ? [] : await store.artifacts(run.build.id);
  for (const recipe of run.recipes) {
    const text = JSON.stringify(recipe);
    const earlier = artifacts.find(({ service, recipe: of }) => service === recipe.service && of === text);
    if (earlier !== undefined && (await isThere(run, recipe, earlier))) {
      run.built.set(recipe, earlier);
      run.log(`${recipe.service}: an earlier attempt has built ${earlier.imageId}; it is not built again`);
      continue;
    }
    const built = await builder.build(toRequest(run, recipe));
    await store.keepArtifact(run.at, { ...built, service: recipe.service, recipe: text });
    run.built.set(recipe, built);
  }
}

async function isThere(run: BuildRun, recipe: Recipe, built: Built): Promise<boolean> {
  return (
    (await pushedDigest(run, recipe, built)) !== null || (await run.parts.builder.has(toRequest(run, recipe), built))
  );
}

/** Only the push is tried again, never the build: the image is there. The engine pushes one tag, the others follow by manifest. */
export async function pushImages(run: BuildRun): Promise<void> {
  const { builder, registry } = run.parts;
  const { fence, signal } = { fence: () => run.lease.confirm(), signal: run.signal };
  for (const recipe of run.recipes) {
    const built = known(run.built.get(recipe));
    const digest =
      (await pushedDigest(run, recipe, built)) ??
      (await retry(run, async () => {
        await fence();
        return builder.push(toRequest(run, recipe), built);
      }));
    // No tag that anybody reads is put on an image that is not the one that was built.
    await retry(run, () => proveManifest(run, recipe, digest));
    await retry(run, () => registry.tag({ image: recipe.image, digest, tags: recipe.tags, fence, signal }));
    run.digests.set(recipe, digest);
    run.log(`pushed ${digestReference(run.parts.pushHost, recipe.image, digest)}`);
  }
}

/** What the registry has under the tag of an earlier attempt, if it is the image that was built. */
async function pushedDigest(run: BuildRun, { image }: Recipe, built: Built): Promise<string | null> {
  if (built.tag === attemptTag(run.at)) return null;
  const manifest = await retry(run, () => run.parts.registry.manifest(image, built.tag, run.signal));
  return manifest !== null && isOf(manifest, built) ? manifest.digest : null;
}

/** Asks the registry itself: the manifest's bytes have the digest, it is of the image that was built, and every tag names it. */
export async function proveImages(run: BuildRun): Promise<void> {
  for (const recipe of run.recipes) {
    const digest = known(run.digests.get(recipe));
    const bytes = await retry(run, () => proveManifest(run, recipe, digest));
    for (const tag of recipe.tags) await retry(run, () => proveTag(run, recipe, tag, digest));
    run.images.push(toImage(run, recipe, digest, bytes));
    run.log(`${recipe.image}@${digest} is in the registry with ${recipe.tags.join(", ")}`);
  }
}

async function proveManifest(run: BuildRun, recipe: Recipe, digest: string): Promise<number> {
  const manifest = await run.parts.registry.manifest(recipe.image, digest, run.signal);
  if (manifest === null)
    throw new AppError("unavailable", `the registry does not have ${recipe.image}@${digest} after the push`);
  const built = known(run.built.get(recipe));
  if (!isOf(manifest, built)) {
    throw new AppError(
      "internal",
      `${recipe.image}@${digest} is of image ${manifest.configDigest}, but ${built.imageId} was built`,
    );
  }
  return manifest.bytes;
}

/** An engine with the containerd store uses the manifest's digest as the image's id, an older one the configuration's. */
function isOf({ configDigest, digest }: Manifest, { imageId }: Built): boolean {
  return configDigest === imageId || digest === imageId;
}

async function proveTag(run: BuildRun, recipe: Recipe, tag: string, digest: string): Promise<void> {
  const manifest = await run.parts.registry.manifest(recipe.image, tag, run.signal);
  if (manifest?.digest !== digest) {
    const found = manifest?.digest ?? "nothing";
    throw new AppError(
      "conflict",
      `tag ${recipe.image}:${tag} names ${found} and not ${digest}; something else writes this tag`,
    );
  }
}

function toImage(run: BuildRun, recipe: Recipe, digest: string, bytes: number): Image {
  const reference = digestReference(run.parts.pushHost, recipe.image, digest);
  return { service: recipe.service, reference, digest, tags: recipe.tags, bytes };
}

function toRequest(run: BuildRun, recipe: Recipe): BuilderRequest {
  return { ...run.at, checkout: checkoutOf(run), recipe, signal: run.signal, log: run.log };
}

function retry<T>(run: BuildRun, work: () => Promise<T>): Promise<T> {
  const { clock, retry: policy } = run.parts;
  return withRetry({ clock, policy, signal: run.signal, log: run.log }, work);
}

function repositoryOf(run: BuildRun): Repository {
  const { repository: name } = run.build;
  const found = run.parts.repositories.find((repository) => repository.name === name);
  if (found === undefined)
    throw new AppError("not_found", `${name} is not configured any more; see "repositories" in mergedock.yml`);
  return found;
}

function checkoutOf(run: BuildRun): Checkout {
  return known(run.checkout);
}

/** What an earlier stage has put there; it is missing only if the stages were run out of order. */
function known<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error("a stage ran before the one that it needs");
  return value;
}
