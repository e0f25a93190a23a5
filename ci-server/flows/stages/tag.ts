// Puts an image's tags, each by its kind, once the image is in the registry: the last thing of the stage `push`.

import { AppError } from "../../core/errors.ts";
import { failedBuild } from "../../core/failure.ts";
import { attemptTag, tagsLock } from "../../core/image-ref.ts";
import { isSameContent } from "../../core/manifest.ts";
import type { Lease, Manifest } from "../../core/ports.ts";
import type { Recipe } from "../../core/recipe.ts";
import { revisionKey } from "../../core/tags/labels.ts";
import type { BuildRun, ImageRun } from "../build-run.ts";
import { checkoutOf, retry } from "./of-run.ts";

/**
 * Annotates what the registry has under the digest and lets the recipe's tags name it, by manifest alone. Sets the image's
 * digest, which is that of the annotated manifest, and those of its tags that name it now. Throws `conflict` when a version
 * names another content, before any tag was put.
 */
export async function tagImage(run: BuildRun, image: ImageRun, pushed: Manifest): Promise<void> {
  const { recipe } = image;
  // One lock for all tags of an image: what is decided of one of them has to hold until the last one is put.
  const { digest, tags } = await retry(run, () =>
    run.parts.store.lock(tagsLock(recipe.image), run.signal, (lock) => putTags(run, { image, pushed, lock })),
  );
  image.digest = digest;
  image.tags = tags;
  image.immutable = tags.filter((tag) => recipe.fixedTags.includes(tag));
}

/** Asks beforehand what will be asked under the lock: git remembers which commit comes first. Its trouble is none yet. */
export async function lookAhead(run: BuildRun, { image, forwardTags }: Recipe): Promise<void> {
  const looking = forwardTags.map(async (tag) => {
    const there = await run.parts.registry.manifest(image, tag, run.signal);
    if (there !== null) await isLeft(run, there);
  });
  await Promise.allSettled(looking);
}

interface Tagging {
  readonly image: ImageRun;
  readonly pushed: Manifest;
  readonly lock: Lease;
}

/** The annotated manifest, and those of the tags that name the image. */
async function putTags(
  run: BuildRun,
  { image: { recipe }, pushed, lock }: Tagging,
): Promise<{ readonly digest: string; readonly tags: readonly string[] }> {
  const { image, tags } = recipe;
  const signal = AbortSignal.any([run.signal, lock.signal]);
  const fence = async () => void (await Promise.all([run.lease.confirm(), lock.confirm()]));
  const annotating = annotate(run, recipe, { pushed, fence, signal });
  const judging = tags.map((tag) => judge(run, { recipe, pushed, tag, signal }));
  // None of them is still under way when the lock is given back.
  await Promise.allSettled([annotating, ...judging]);
  const { digest } = await annotating;
  const verdicts = await Promise.all(judging);
  const put = tags.filter((_tag, index) => verdicts[index] === "put");
  // The attempt's tag too: the others move on, and a registry may drop what no tag names.
  await run.parts.registry.tag({ image, digest, tags: [...put, attemptTag(run.at)], fence, signal });
  return { digest, tags: tags.filter((_tag, index) => verdicts[index] !== "left") };
}

interface Annotating {
  readonly pushed: Manifest;
  readonly fence: () => Promise<void>;
  readonly signal: AbortSignal;
}

async function annotate(run: BuildRun, recipe: Recipe, { pushed, ...rest }: Annotating): Promise<Manifest> {
  const { image, annotations } = recipe;
  const manifest = await run.parts.registry.annotate({ image, digest: pushed.digest, annotations, ...rest });
  if (manifest.parts.join() !== pushed.parts.join())
    throw new AppError("internal", `${image}@${manifest.digest} is not of the same layers as ${pushed.digest}`);
  return manifest;
}

interface Question {
  readonly recipe: Recipe;
  readonly pushed: Manifest;
  readonly tag: string;
  readonly signal: AbortSignal;
}

/** What is to be done with a tag: `put` it, or it `names` this content already, or it is `left` where it is. */
type Verdict = "put" | "names" | "left";

async function judge(run: BuildRun, question: Question): Promise<Verdict> {
  const { recipe, pushed, tag, signal } = question;
  const isFixed = recipe.fixedTags.includes(tag);
  if (!isFixed && !recipe.forwardTags.includes(tag)) return "put";
  const there = await run.parts.registry.manifest(recipe.image, tag, signal);
  if (there === null) return "put";
  if (!isFixed) return judgeForward(run, question, there);
  if (!isSameContent(there, pushed)) throw tagExists(question, there);
  run.log(`${recipe.image}:${tag} names this content already, as ${there.digest}; it is left as it is`);
  return "names";
}

async function judgeForward(run: BuildRun, { recipe, tag }: Question, there: Manifest): Promise<Verdict> {
  if (!(await isLeft(run, there))) return "put";
  const commits = `its commit ${there.annotations[revisionKey]} comes after ${checkoutOf(run).sha}`;
  run.log(`${recipe.image}:${tag} stays at ${there.digest}: ${commits}`);
  return "left";
}

/** What names a later commit stays there; where that cannot be known, the commit is of another history, and the tag moves. */
async function isLeft(run: BuildRun, there: Manifest): Promise<boolean> {
  const { sha, isAncestor } = checkoutOf(run);
  const revision = there.annotations[revisionKey];
  return revision !== undefined && revision !== sha && (await isAncestor(sha, revision)) === true;
}

function tagExists({ recipe, tag }: Question, there: Manifest): AppError {
  const { image } = recipe;
  const revision = there.annotations[revisionKey] ?? null;
  const what = `${image}:${tag} names ${there.digest}${revision === null ? "" : ` of commit ${revision}`} already`;
  const message = `tag_exists: ${what}, which is other content, and a version is never moved; build it as another version, or remove the tag from the registry first`;
  return failedBuild("conflict", message, { kind: "tag_exists" });
}
