// What came in and what became of it: one item for each delivery with its build, and for each build that no delivery led to.

import type { Build, Result } from "./build.ts";
import type { LedgerEntry } from "./delivery.ts";
import { usualName } from "./image-ref.ts";

/** A search looks through so many entries at once: it reads each of them. */
export const searchedMax = 20_000;

export interface ActivityDelivery
  extends Pick<LedgerEntry, "guid" | "action" | "repository" | "receivedAt" | "verdict" | "reason"> {
  readonly event: string;
  /** `#42 Fix the cart`; null where it speaks of no pull request, and of those that an earlier version has stored. */
  readonly title: string | null;
}

export interface ActivityItem {
  /** Stays the same whatever becomes of it. */
  readonly id: string;
  /** Where it stands in the list. */
  readonly position: string;
  readonly at: Date;
  readonly delivery: ActivityDelivery | null;
  readonly build: Omit<Build, "plan"> | null;
  /** Milliseconds that the last 20 successful builds of the repository took; null when there are none. */
  readonly medianMs: number | null;
}

export interface ActivityFilter {
  readonly repository: string | null;
  /** `skip`: nothing was built of it. */
  readonly verdict: "build" | "skip" | null;
  readonly result: Result | null;
  /** Words of the title, an author, a version, or the beginning of a commit or of a delivery's GUID. */
  readonly q: string | null;
}

export interface ActivityPage extends ActivityFilter {
  /** What the page before gave as `next`; null starts at the newest. */
  readonly before: string | null;
  readonly limit: number;
}

/** `next`: where to go on; null at the end. A search may find less than a page, or nothing, and go on all the same. */
export interface ActivityList {
  readonly items: readonly ActivityItem[];
  readonly next: string | null;
}

/** What it is about, in a few words. */
export function titleOf({ delivery, build }: Pick<ActivityItem, "delivery" | "build">): string {
  if (build === null) return delivery === null ? "" : (delivery.title ?? eventOf(delivery));
  if (build.trigger === "base_image") return "base image changed";
  if (build.pullRequest !== null) return pullRequestTitle(build.pullRequest);
  const what = build.service ?? usualName(build.repository);
  return `${what} ${build.version ?? build.ref ?? build.sha?.slice(0, 7) ?? ""}`.trim();
}

export function pullRequestTitle({ number, title }: { readonly number: number; readonly title: string }): string {
  return `#${number} ${title}`.trim();
}

function eventOf({ event, action }: ActivityDelivery): string {
  return action === null ? event : `${event} ${action}`;
}
