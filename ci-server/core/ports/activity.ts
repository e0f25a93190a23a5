// The list of what came in and what became of it.

import type { ActivityItem, ActivityList, ActivityPage } from "../activity.ts";

/** Throws `unavailable` when the database cannot be reached. */
export interface Activity {
  /**
   * Newest first. Reading on from `next`, or from any item's position, leaves nothing out and gives nothing twice, whatever
   * comes in meanwhile. Throws `invalid` when `before` is no position.
   */
  page(page: ActivityPage): Promise<ActivityList>;
  /** Those of them that are there, newest first; for items that are known by their id. */
  items(ids: readonly string[]): Promise<readonly ActivityItem[]>;
  /** The id of the item that a build belongs to. */
  idOfBuild(buildId: number): string;
}
