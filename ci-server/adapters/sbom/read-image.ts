// What an image's layers say of the packages in it. They are read from the registry and not from the engine: what people pull
// is what the registry has, each layer can be checked against its digest there, and an image that was reused may have left
// the engine long ago.

import { createHash } from "node:crypto";
import { AppError } from "../../core/errors.ts";
import { isDigest } from "../../core/image-ref.ts";
import type { Descriptor } from "../../core/manifest.ts";
import type { Attestations } from "../../core/ports.ts";
import { mergeLayers } from "../../core/sbom/merge-layers.ts";
import type { LayerContent } from "../../core/sbom/package.ts";
import type { RegistryArtifacts } from "../registry-artifacts.ts";
import { Turns } from "../turns.ts";
import { createLayerCache, type LayerCache } from "./layer-cache.ts";
import { type LayerLimits, readLayer } from "./read-layer.ts";

export interface ContentReaderOptions {
  readonly cacheFolder: string;
  readonly cacheLayersMax: number;
  readonly limits: LayerLimits;
}

const layersAtOnce = 4;
/** Goes up whenever a layer would be read differently. */
const readerVersion = 2;

export function createContentReader(
  registry: RegistryArtifacts,
  { cacheFolder, cacheLayersMax, limits }: ContentReaderOptions,
): Attestations["content"] {
  // Other limits may leave out other files.
  const limitsHash = createHash("sha256").update(JSON.stringify(limits)).digest("hex").slice(0, 8);
  const version = `${readerVersion}-${limitsHash}`;
  const cache = createLayerCache({ folder: cacheFolder, version, layersMax: cacheLayersMax });
  const parts = { registry, limits, cache, turns: new Turns() };
  return async (image, digest, signal) => {
    const manifest = await registry.manifest(image, digest, signal);
    if (manifest === null) throw new AppError("unavailable", `the registry does not have ${image}@${digest} any more`);
    const { layers } = manifest.json;
    if (!Array.isArray(layers)) return mergeLayers([unread("it is an index of several images, which are not read")]);
    return mergeLayers(await contentsOf(parts, image, layers, signal));
  };
}

interface Parts {
  readonly registry: RegistryArtifacts;
  readonly limits: LayerLimits;
  readonly cache: LayerCache;
  /** Two builds on the same base do not read it at the same time: the second one finds it read. */
  readonly turns: Turns;
}

/** In the layers' order, a few at a time. */
async function contentsOf(
  parts: Parts,
  image: string,
  layers: readonly Descriptor[],
  signal: AbortSignal,
): Promise<LayerContent[]> {
  const contents: LayerContent[] = [];
  const rest = layers.entries();
  const reader = async () => {
    for (const [index, layer] of rest) contents[index] = await contentOf(parts, image, layer, signal);
  };
  await Promise.all(Array.from({ length: layersAtOnce }, reader));
  return contents;
}

async function contentOf(
  { registry, limits, cache, turns }: Parts,
  image: string,
  { digest, mediaType }: Descriptor,
  signal: AbortSignal,
): Promise<LayerContent> {
  if (!isDigest(String(digest))) return unread(`a layer has the digest ${digest}, which is not known here`);
  return turns.take(digest, signal, async () => {
    const kept = await cache.get(digest);
    if (kept !== null) return kept;
    const stream = await registry.blobStream(image, digest, signal);
    // Some images have layers that only their maker's own servers give out.
    if (stream === null) return unread(`layer ${digest} (${mediaType}) is not in the registry`);
    const content = await readLayer({ digest, stream, limits, signal });
    await cache.put(digest, content);
    return content;
  });
}

function unread(problem: string): LayerContent {
  return { files: [], removed: [], emptied: [], problems: [problem] };
}
