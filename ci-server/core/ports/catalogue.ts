// What there is, for people to look at: images, repositories, totals.

import type { ImagePage, ImageSummary, RepositoryState, Totals, VersionEntry } from "../catalogue.ts";

/** Throws `unavailable` when the database cannot be reached. */
export interface Catalogue {
  /** Paths under which something is left in the registry, the one with the newest image first. */
  images(page: ImagePage): Promise<readonly ImageSummary[]>;
  /** One of them by its path; null when there is none, or nothing of it any more. */
  image(path: string): Promise<ImageSummary | null>;
  /** Newest first, those that retention has removed too. `before`: of builds with a lower id. */
  versions(
    path: string,
    page: { readonly before: number | null; readonly limit: number },
  ): Promise<readonly VersionEntry[]>;
  /** In the order of the names. */
  repositories(names: readonly string[]): Promise<readonly RepositoryState[]>;
  totals(): Promise<Totals>;
  /** Of the last 20 successful builds of the repository; null when there are none. */
  medianMs(repository: string): Promise<number | null>;
  /** Builds of the same repository that wait or run and were asked for before it. */
  aheadOf(buildId: number): Promise<number>;
}
