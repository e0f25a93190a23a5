// What is known of one path of the registry: the history's images, its tags, and what runs; and what kinds of tags there are.

/** One row of the history; several may be of the same manifest, where one build used what another had made. */
export interface RecordedImage {
  readonly buildId: number;
  readonly repository: string;
  /** What the build was asked to build. */
  readonly ref: string | null;
  readonly service: string;
  /** In the registry, without host. */
  readonly path: string;
  readonly digest: string;
  /** What the engine that built it calls it; empty where none did. */
  readonly imageId: string;
  readonly tags: readonly string[];
  /** Those that were never to name anything else. */
  readonly fixedTags: readonly string[];
  readonly bytes: number;
  readonly pushedAt: Date;
  /** A removal of it was begun, and is to be ended. */
  readonly isLeaving: boolean;
}

/** What a tag names now. */
export interface NamedTag {
  readonly tag: string;
  readonly digest: string;
}

/** What runs somewhere: the engine's id of an image or the digest of its manifest, and where it was seen. */
export interface RunningImage {
  readonly id: string;
  readonly where: string;
}

/** A build that a tag bears the number of. */
export interface NumberedBuild {
  readonly id: number;
  readonly repository: string;
  /** Null while it may still write. */
  readonly endedAt: Date | null;
}

/** All that is known of one path of the registry. */
export interface PathStock {
  readonly path: string;
  readonly images: readonly RecordedImage[];
  readonly tags: readonly NamedTag[];
  readonly running: readonly RunningImage[];
  /** Those that the tags of attempts name, as far as they are on record. */
  readonly builds: readonly NumberedBuild[];
  readonly now: Date;
}

const attemptPattern = /^build-(\d{1,15})(?:-\d{1,6})?$/;

/** The number of the build whose attempt put such a tag, or null. */
export function buildOfTag(tag: string): number | null {
  const id = attemptPattern.exec(tag)?.[1];
  return id === undefined ? null : Number(id);
}

/** Whether images of the repository lie under the path. */
export function isPathOf(repository: string, path: string): boolean {
  const base = repository.toLowerCase();
  return path === base || path.startsWith(`${base}/`);
}

/**
 * What the tags name if nobody but builds has moved them: enough to see whether there may be something to remove, before
 * the registry is asked for the digest of each.
 */
export function guessTags({ path, images, builds }: Omit<PathStock, "tags">, names: readonly string[]): NamedTag[] {
  const oldestFirst = images.toSorted((one, other) => one.buildId - other.buildId);
  const byTag = new Map(oldestFirst.flatMap(({ tags, digest }) => tags.map((tag) => [tag, digest] as const)));
  const byBuild = new Map(oldestFirst.map(({ buildId, digest }) => [buildId, digest]));
  const known = new Set(builds.filter(({ repository }) => isPathOf(repository, path)).map(({ id }) => id));
  return names.map((tag) => {
    const id = buildOfTag(tag);
    const digest = id !== null && known.has(id) ? byBuild.get(id) : byTag.get(tag);
    return { tag, digest: digest ?? `unknown:${tag}` };
  });
}
