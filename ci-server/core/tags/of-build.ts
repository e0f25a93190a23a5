// The tags and labels of one image of a build: what the service's rules give for the merge, or for the version asked for by hand.

import { defaultBranch } from "../branch-pattern.ts";
import type { Build } from "../build.ts";
import type { Repository } from "../recipe.ts";
import type { RepositoryAbout } from "../repository-about.ts";
import type { Service } from "../service.ts";
import { evaluateTags, type GivenTag, globalValues, shortSha, type TagEvent } from "./evaluate.ts";
import { readFlavor } from "./flavor.ts";
import { labelsOf } from "./labels.ts";
import { readRule } from "./rule.ts";

/** Of a version asked for by hand: that of a rule `type=ref,event=tag`. */
const versionPriority = 600;

export interface TaggedBuild {
  readonly build: Build;
  readonly repository: Repository;
  readonly about: RepositoryAbout | null;
  readonly service: Service;
  readonly commit: { readonly sha: string; readonly committedAt: Date };
}

export interface ImageTags {
  /** The first one is the image's version. */
  readonly tags: readonly [string, ...string[]];
  /** Of the tags: those that name one content for ever. */
  readonly fixedTags: readonly string[];
  /** Of the tags: those that move to later commits only. */
  readonly forwardTags: readonly string[];
  /** What a rule would have given, and why it does not. */
  readonly tagNotes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Throws `invalid` for a rule with a mistake, naming it. */
export function imageTags(tagged: TaggedBuild): ImageTags {
  const { service, build, repository, about, commit } = tagged;
  const event = toEvent(tagged);
  const flavor = readFlavor(service.flavor);
  const evaluation = evaluateTags(service.tags.map(readRule), flavor, event);
  const notes = [...evaluation.notes];
  const kept = evaluation.tags.filter(({ name }) => {
    if ((name !== "latest" && name !== evaluation.latest) || isOfDefaultBranch(tagged)) return true;
    notes.push(`${name} is left as it is: ${whyNotLatest(tagged)}`);
    return false;
  });
  const given = withVersion(kept, build.version);
  const [first, ...rest] = given.map(({ name }) => name);
  const fallback = `sha-${shortSha(commit.sha)}`;
  if (first === undefined) notes.push(`the rules of ${service.name} give no tag for this build; it gets ${fallback}`);
  const tags: ImageTags["tags"] = [first ?? fallback, ...rest];
  const labels = labelsOf({
    ...{ build, repository, about, service, commit, version: tags[0] },
    values: globalValues(event),
  });
  return {
    tags,
    fixedTags: namesOf(given, "fixed"),
    forwardTags: namesOf(given, "forward"),
    ...{ tagNotes: notes, labels, annotations: labels },
  };
}

function namesOf(tags: readonly GivenTag[], kind: GivenTag["kind"]): string[] {
  return tags.filter((tag) => tag.kind === kind).map(({ name }) => name);
}

/** Whoever asks for a version by hand builds as if the commit had a git tag of that name. The dates are the same for each attempt. */
function toEvent({ build, repository, commit }: TaggedBuild): TagEvent {
  const branch = build.version === null ? build.ref : null;
  return {
    ...{ branch, gitTag: build.version, pullRequest: build.pullRequest?.number ?? null },
    baseRef: build.pullRequest === null ? null : build.ref,
    isScheduled: build.trigger === "base_image",
    defaultBranch: defaultBranch(repository.branches),
    ...{ sha: commit.sha, now: build.createdAt, committedAt: commit.committedAt },
  };
}

/** Whatever the rules say: a tag or a commit asked for by hand may be of any branch. */
function isOfDefaultBranch({ build, repository }: TaggedBuild): boolean {
  return build.ref !== null && build.ref === defaultBranch(repository.branches);
}

function whyNotLatest({ build, repository }: TaggedBuild): string {
  const branch = defaultBranch(repository.branches);
  if (branch === null) return `${repository.name} has no default branch, as "branches" names none without * or ?`;
  return `it moves with the default branch ${branch} only, and ${build.ref ?? "no branch"} was built`;
}

/** The version is a tag as it was asked for, whatever the rules make of it. */
function withVersion(tags: readonly GivenTag[], version: string | null): readonly GivenTag[] {
  if (version === null) return tags;
  const asked: GivenTag = { name: version, kind: "fixed", priority: versionPriority };
  if (tags.some(({ name }) => name === version)) return tags.map((tag) => (tag.name === version ? asked : tag));
  const after = tags.findIndex(({ priority }) => priority < versionPriority);
  return after < 0 ? [...tags, asked] : tags.toSpliced(after, 0, asked);
}
