// Puts an image's tags, each by its kind, once the image is in the registry: the last thing of the stage `push`.

import { AppError } from "../../core/errors.ts";
import { attemptTag } from "../../core/image-ref.ts";
import { isSameContent } from "../../core/manifest.ts";
import type { Lease, Manifest } from "../../core/ports.ts";
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
  const manifest = await retry(run, () => annotate(run, image, pushed));
  // One lock for all tags of an image: what is decided of one of them has to hold until the last one is put.
  const lockName = `tags of ${recipe.image}`;
  image.tags = await retry(run, () =>
    run.parts.store.lock(lockName, run.signal, (lock) => putTags(run, { image, manifest, lock })),
  );
  image.immutable = image.tags.filter((tag) => recipe.fixedTags.includes(tag));
  image.digest = manifest.digest;
}

async function annotate(run: BuildRun, { recipe }: ImageRun, pushed: Manifest): Promise<Manifest> {
  const { image, annotations } = recipe;
  const { signal, lease, parts } = run;
  const fence = () => lease.confirm();
  const manifest = await parts.registry.annotate({ image, digest: pushed.digest, annotations, fence, signal });
  if (manifest.parts.join() !== pushed.parts.join())
    throw new AppError("internal", `${image}@${manifest.digest} is not of the same layers as ${pushed.digest}`);
  return manifest;
}

interface Tagging {
  readonly image: ImageRun;
  readonly manifest: Manifest;
  readonly lock: Lease;
}

/** What is to be done with a tag: `put` it, or it `names` this content already, or it is `left` where it is. */
type Verdict = "put" | "names" | "left";

async function putTags(run: BuildRun, { image, manifest, lock }: Tagging): Promise<readonly string[]> {
  const { image: path, tags } = image.recipe;
  const signal = AbortSignal.any([run.signal, lock.signal]);
  const fence = async () => {
    await run.lease.confirm();
    await lock.confirm();
  };
  const judging = tags.map((tag) => judge(run, { image, manifest, tag, signal }));
  // None of them is still under way when the lock is given back.
  await Promise.allSettled(judging);
  const verdicts = await Promise.all(judging);
  const named = tags.filter((_tag, index) => verdicts[index] !== "left");
  const put = tags.filter((_tag, index) => verdicts[index] === "put");
  // The attempt's tag too: the others move on, and a registry may drop what no tag names.
  const all = [...put, attemptTag(run.at)];
  await run.parts.registry.tag({ image: path, digest: manifest.digest, tags: all, fence, signal });
  return named;
}

interface Question {
  readonly image: ImageRun;
  readonly manifest: Manifest;
  readonly tag: string;
  readonly signal: AbortSignal;
}

async function judge(run: BuildRun, question: Question): Promise<Verdict> {
  const { image, manifest, tag, signal } = question;
  const { recipe } = image;
  const isFixed = recipe.fixedTags.includes(tag);
  if (!isFixed && !recipe.forwardTags.includes(tag)) return "put";
  const there = await run.parts.registry.manifest(recipe.image, tag, signal);
  if (there === null) return "put";
  if (!isFixed) return judgeForward(run, question, there);
  if (!isSameContent(there, manifest)) throw tagExists(question, there);
  run.log(`${recipe.image}:${tag} names this content already, as ${there.digest}; it is left as it is`);
  return "names";
}

/** What names a later commit stays there; where that cannot be known, the commit is of another history, and the tag moves. */
async function judgeForward(run: BuildRun, { image, tag }: Question, there: Manifest): Promise<Verdict> {
  const { sha, isAncestor } = checkoutOf(run);
  const revision = there.annotations[revisionKey];
  if (revision === undefined || revision === sha || (await isAncestor(sha, revision)) !== true) return "put";
  run.log(`${image.recipe.image}:${tag} stays at ${there.digest}: its commit ${revision} comes after ${sha}`);
  return "left";
}

function tagExists({ image: { recipe }, tag }: Question, there: Manifest): AppError {
  const { image } = recipe;
  const revision = there.annotations[revisionKey] ?? null;
  const what = `${image}:${tag} names ${there.digest}${revision === null ? "" : ` of commit ${revision}`} already`;
  const message = `tag_exists: ${what}, which is other content, and a version is never moved; build it as another version, or remove the tag from the registry first`;
  const details = { kind: "tag_exists", image, tag, digest: there.digest, revision };
  return new AppError("conflict", message, { details });
}
