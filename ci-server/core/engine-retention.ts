// Which images of ours stay on an engine: those that are used, the newest of each service as a base for the cache, and as
// many of the others as there is room for.
//
// Ours is what bears our label and a tag that only a build puts: `host/acme/shop:build-7`. The label alone says little,
// since an image that is FROM one of ours inherits it. What has another tag too loses only our tags, and what has none is
// ours only if the history knows it.

import { keep, remove, type Verdict } from "./prune.ts";
import { buildOfTag, isPathOf, type NumberedBuild } from "./registry-stock.ts";

/** An image that bears our label. */
export interface EngineImage {
  readonly id: string;
  /** `localhost:5000/acme/shop:build-7`. */
  readonly tags: readonly string[];
  /** Whether it also has a name by digest, as what was pulled that way has. */
  readonly hasDigests: boolean;
  readonly createdAt: Date;
  readonly bytes: number;
}

/** A container, running or not. `imageId`: as the engine calls it. */
export interface EngineContainer {
  readonly name: string;
  readonly imageId: string;
  readonly isRunning: boolean;
}

export interface EngineStock {
  readonly images: readonly EngineImage[];
  readonly containers: readonly EngineContainer[];
  /** Those that the tags name, as far as they are on record. */
  readonly builds: readonly NumberedBuild[];
  /** Ids of images that the history knows. */
  readonly knownIds: ReadonlySet<string>;
  readonly now: Date;
}

export interface EnginePolicy {
  /** As it stands in the names of what is built here. */
  readonly pushHost: string;
  readonly imagesMax: number;
  /** The disk is nearly full: all goes that is not used and not the newest of its service. */
  readonly isUrgent: boolean;
}

/** `tags`: ours, each to be taken off; an image without any is to be removed by its id. */
export interface EngineVerdict extends Verdict {
  readonly image: EngineImage;
  readonly tags: readonly string[];
}

const newestOfService = 2;
/** What is no build's on record may be one's of another installation that is still about to push it. */
const youngMs = 3600 * 1000;

export function judgeEngine(stock: EngineStock, policy: EnginePolicy): EngineVerdict[] {
  const newestFirst = stock.images.toSorted((one, other) => other.createdAt.getTime() - one.createdAt.getTime());
  const places = new Map<string, number>();
  const look = { ...stock, builds: new Map(stock.builds.map((build) => [build.id, build])) };
  const room = { left: policy.isUrgent ? 0 : policy.imagesMax };
  const judged = newestFirst.map((image): EngineVerdict => {
    const tags = image.tags.filter((tag) => isOurs(tag, policy.pushHost));
    const fixed = judgeAlone(look, policy, image, tags) ?? keptForCache(places, tags);
    if (fixed?.verdict === "keep" && tags.length > 0) room.left -= 1;
    return { image, tags, ...(fixed ?? remove("")) };
  });
  // Those that have to stay were counted first: the newest of the others get what is left.
  return judged.map((one) => (one.reason === "" ? { ...one, ...judgeByRoom(room, policy) } : one));
}

function isOurs(tag: string, pushHost: string): boolean {
  return tag.startsWith(`${pushHost}/`) && numberOf(tag) !== null;
}

function numberOf(name: string): number | null {
  return buildOfTag(name.slice(name.lastIndexOf(":") + 1));
}

interface Look extends Omit<EngineStock, "builds"> {
  readonly builds: ReadonlyMap<number, NumberedBuild>;
}

/** Null when it depends on how many there are. */
function judgeAlone(
  look: Look,
  { pushHost, isUrgent }: EnginePolicy,
  image: EngineImage,
  tags: readonly string[],
): Verdict | null {
  const used = look.containers.find(({ imageId }) => imageId === image.id);
  if (used !== undefined) return keep(`container ${used.name} (${used.isRunning ? "running" : "stopped"}) uses it`);
  if (tags.length === 0) return judgeWithoutTag(look, image);
  const builds = tags.map((tag) => buildOf(look, tag, pushHost));
  const open = builds.find((build) => build?.endedAt === null);
  if (open !== undefined) return keep(`build ${open.id} has not ended`);
  const isYoung = look.now.getTime() - image.createdAt.getTime() < youngMs;
  return isYoung && !isUrgent && builds.includes(undefined)
    ? keep("younger than an hour, and no build on record")
    : null;
}

function judgeWithoutTag({ knownIds }: Look, image: EngineImage): Verdict {
  if (image.tags.length > 0) return keep("it has no tag that a build has put");
  if (image.hasDigests) return keep("somebody has pulled it by its digest");
  return knownIds.has(image.id)
    ? remove("it has lost its last tag")
    : keep("it has no tag, and the history does not know it");
}

function buildOf({ builds }: Look, tag: string, pushHost: string): NumberedBuild | undefined {
  const build = builds.get(numberOf(tag) ?? 0);
  const path = tag.slice(pushHost.length + 1, tag.lastIndexOf(":"));
  return build !== undefined && isPathOf(build.repository, path) ? build : undefined;
}

function keptForCache(places: Map<string, number>, tags: readonly string[]): Verdict | null {
  const [tag = ""] = tags;
  const service = tag.slice(0, tag.lastIndexOf(":"));
  const place = (places.get(service) ?? 0) + 1;
  places.set(service, place);
  return place <= newestOfService ? keep(`among the newest ${newestOfService} of ${service}`) : null;
}

function judgeByRoom(room: { left: number }, { imagesMax, isUrgent }: EnginePolicy): Verdict {
  room.left -= 1;
  if (room.left >= 0) return keep(`there are not more than ${imagesMax} (limits.engine_images_max)`);
  if (isUrgent) return remove("the disk is nearly full, and nothing uses it");
  return remove(`older than the newest ${imagesMax} (limits.engine_images_max)`);
}
