// What there is: images by their repository path with their versions, and the configured repositories with how they fare.

import type { Build } from "./build.ts";

/** Counting builds stops here. */
export const countMax = 10_000;
/** Of a path, so many versions are looked at for its counts, and for tags that have moved on. */
export const versionsMax = 500;

export interface ImageVersion {
  readonly buildId: number;
  readonly service: string;
  readonly digest: string;
  readonly reference: string;
  /** Those that no newer version of the path has been given since. */
  readonly tags: readonly string[];
  readonly bytes: number;
  readonly createdAt: Date;
}

/** A path of the registry under which something is left. */
export interface ImageSummary {
  readonly path: string;
  readonly repository: string;
  readonly service: string;
  /** Tags that are in use, and builds that have made an image of the path; of the newest `versionsMax` of these. */
  readonly tags: number;
  readonly builds: number;
  readonly newest: Omit<ImageVersion, "service">;
}

export interface VersionEntry extends Omit<ImageVersion, "service"> {
  /** Of the version before it; null when it is the first. */
  readonly bytesBefore: number | null;
  readonly reusedFrom: number | null;
  readonly pullRequest: { readonly number: number; readonly title: string; readonly url: string } | null;
  readonly sha: string | null;
  readonly signed: boolean;
  readonly sbom: boolean;
  readonly removedAt: Date | null;
}

export interface ImagePage {
  readonly repository: string | null;
  /** A part of the path. */
  readonly q: string | null;
  /** The last image of the page before, by its newest build and its path. */
  readonly before: { readonly buildId: number; readonly path: string } | null;
  readonly limit: number;
}

/** How a repository fares, by what the database knows. */
export interface RepositoryState {
  readonly name: string;
  readonly lastBuild: Omit<Build, "plan"> | null;
  /** Of its last build that was planned. */
  readonly plannedServices: readonly string[];
  readonly lastDeliveryAt: Date | null;
  readonly lastPingAt: Date | null;
  readonly medianMs: number | null;
  readonly queued: number;
  readonly running: number;
}

export interface Totals {
  /** Counted up to `countMax`. */
  readonly builds: number;
  readonly queued: number;
  readonly running: number;
  /** The last verified one of a forge. */
  readonly lastDeliveryAt: Date | null;
  readonly lastPingAt: Date | null;
  /** Anybody may have sent it: its signature did not fit, or it could not be read. */
  readonly lastRefusal: LastRefusal | null;
}

export interface LastRefusal {
  readonly at: Date;
  readonly reason: string;
}

/** Deliveries that the server has sent itself bear GUIDs that begin like this: they say nothing of a forge. */
export const testGuidPrefix = "mergedock-test-";
