// The words for what a forge is told of a build.

import type { Build, Result } from "../build.ts";
import type { ReportSettings } from "../forge-settings.ts";

export const reportKinds = ["status", "check", "comment"] as const;
export type ReportKind = (typeof reportKinds)[number];

/** `failed`: its forge has said no, or it was given up. */
export const reportStates = ["told", "pending", "failed"] as const;
export type ReportState = (typeof reportStates)[number];

/** By context, or `comment`: what the forge calls it (null: nothing), and what was said. */
export type Told = Readonly<Record<string, { readonly id: string | null; readonly said: string }>>;

export interface NewerBuild {
  readonly id: number;
  readonly sha: string | null;
  readonly service: string | null;
  readonly pullRequest: number | null;
  readonly result: Result | null;
}

/** What is known where a report is made, beside the build. */
export interface ReportFacts {
  /** What mergedock.yml names; null where the repository's own file does. */
  readonly configured: readonly string[] | null;
  /** Of the repository's last build that was planned. */
  readonly lastPlanned: readonly string[];
  readonly newer: readonly NewerBuild[];
  /** By service. */
  readonly bytesBefore: ReadonlyMap<string, number>;
  /** Of the build's page; null where nobody said under which address people reach this server. */
  readonly url: string | null;
}

/**
 * What is told of a build. Of one because of a changed base image nothing is: nobody merged anything, its commit has its status
 * already, and channels are told of it. Its forge's words are for those who did something there.
 */
export function kindsOf(
  { trigger, pullRequest }: Pick<Build, "trigger" | "pullRequest">,
  settings: ReportSettings,
  canCheck: boolean,
): ReportKind[] {
  if (trigger === "base_image") return [];
  const wanted = { ...settings, check: settings.check && canCheck, comment: settings.comment && pullRequest !== null };
  return reportKinds.filter((kind) => wanted[kind]);
}

/** Results that say something of the images; of the others the comment that is there stays as it is, and none is made. */
export const commentedResults: readonly Result[] = ["success", "failure", "error", "timeout"];
