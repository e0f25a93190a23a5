// What builds that died leave on the engine. The engine itself ends a build whose client is gone, and keeps no container of it.

import type { Engine } from "./docker-engine.ts";

/** Every image that is built here bears it. */
export const ownLabel = "dev.mergedock.repository";

/** Removes images of ours that have lost their name, or never got one, and were made before this time; returns how many. */
export async function sweepEngine(engine: Engine, madeBefore: Date): Promise<number> {
  const found = await engine.unnamedImages(ownLabel);
  let removed = 0;
  for (const { id, createdAt } of found) if (createdAt < madeBefore && (await engine.removeImage(id))) removed += 1;
  return removed;
}
