// The list of what came in and what became of it.

import type { ActivityItem, ActivityPage } from "../activity.ts";

/** Throws `unavailable` when the database cannot be reached. */
export interface Activity {
  /**
   * Newest first. Reading on from the last item's position leaves nothing out and gives nothing twice, whatever comes in
   * meanwhile. Throws `invalid` when `before` is no position.
   */
  page(page: ActivityPage): Promise<readonly ActivityItem[]>;
  /** Those of them that are there, newest first; for items that are known by their id. */
  items(ids: readonly string[]): Promise<readonly ActivityItem[]>;
  /** The id of the item that a build belongs to. */
  idOfBuild(buildId: number): string;
}
