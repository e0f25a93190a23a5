// Keeps what each layer was found to hold: a base's layers are the same in build after build, and are read once.

import { randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { type LayerContent, layerContent } from "../../core/sbom/package.ts";

export interface LayerCache {
  /** Null when it is not kept, or not any more. */
  get(digest: string): Promise<LayerContent | null>;
  put(digest: string, content: LayerContent): Promise<void>;
}

/** `version`: what was kept under another one is read anew. `layersMax`: beyond it those go that were not asked for longest. */
export interface LayerCacheOptions {
  readonly folder: string;
  readonly version: string;
  readonly layersMax: number;
}

/** It never fails: what cannot be kept is read again. */
export function createLayerCache({ folder, version, layersMax }: LayerCacheOptions): LayerCache {
  const fileOf = (digest: string) => path.join(folder, `${digest.replace(":", "-")}.${version}.json`);
  return {
    async get(digest) {
      const file = fileOf(digest);
      try {
        const content = layerContent.parse(JSON.parse(await readFile(file, "utf8")));
        const now = new Date();
        await utimes(file, now, now);
        return content;
      } catch {
        return null;
      }
    },
    async put(digest, content) {
      const draft = path.join(folder, `${randomBytes(6).toString("hex")}.new`);
      try {
        await mkdir(folder, { recursive: true });
        await writeFile(draft, JSON.stringify(content));
        await rename(draft, fileOf(digest));
        await removeOldest(folder, layersMax);
      } catch {
        await rm(draft, { force: true }).catch(() => undefined);
      }
    },
  };
}

async function removeOldest(folder: string, layersMax: number): Promise<void> {
  const names = await readdir(folder);
  if (names.length <= layersMax) return;
  const files = names.map(async (name) => {
    const file = path.join(folder, name);
    return { file, usedMs: (await stat(file)).mtimeMs };
  });
  const sorted = (await Promise.all(files)).sort((a, b) => b.usedMs - a.usedMs);
  for (const { file } of sorted.slice(layersMax)) await rm(file, { force: true });
}
