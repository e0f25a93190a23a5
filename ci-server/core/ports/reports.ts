// What forges are still to be told of builds, and what became of it.

import type { Build } from "../build.ts";
import type { NewerBuild, ReportKind, ReportState, Told } from "../report/report.ts";

/** A repository whose reports one process sends, and nobody else for that long. */
export interface ReportLine {
  /** Lower case. */
  readonly repository: string;
  readonly lease: string;
}

/** Something of a build that its forge does not know yet. */
export interface DueReport {
  readonly buildId: number;
  readonly kind: ReportKind;
  /** This one counts. */
  readonly attempts: number;
  /** What of the build is to be told; the same again when it is told. */
  readonly key: string;
  readonly told: Told;
}

/** The build as it is now, and what has to be known beside it. */
export interface ReportSubject {
  readonly build: Build;
  /** Of the repository's last build that was planned. */
  readonly lastPlanned: readonly string[];
  /** Later builds of the same commit or the same pull request, the oldest first. */
  readonly newer: readonly NewerBuild[];
  /** By service: bytes of the image of the same path before this commit. */
  readonly bytesBefore: ReadonlyMap<string, number>;
  /** What a build of the same pull request has written there. */
  readonly commentId: string | null;
}

export interface ReportEntry {
  /** Counts them in the order in which they were made. */
  readonly place: number;
  readonly buildId: number;
  readonly repository: string;
  readonly kind: ReportKind;
  readonly state: ReportState;
  readonly attempts: number;
  /** When it is tried next; null when it is not. */
  readonly dueAt: Date | null;
  /** Why the last attempt failed. */
  readonly problem: string | null;
  readonly changedAt: Date;
  /** Of the comment; null for all else. */
  readonly url: string | null;
}

export interface ReportPage {
  readonly state: ReportState | null;
  /** Those with a place below this one; null starts at the newest. */
  readonly before: number | null;
  readonly limit: number;
}

export type NewBuild = Pick<Build, "id" | "repository" | "trigger" | "pullRequest">;

/**
 * All may be called by several processes at once. They throw `unavailable` when the database cannot be reached, and those that
 * are given a line throw `conflict` when its lease was lost.
 */
export interface ReportStore {
  /**
   * Notes what is to be told of builds that nobody has looked at, each build once whoever calls. Of one that ended more than
   * `hoursMax` ago nothing is. Returns how many builds there were, `limit` at most.
   */
  takeUp(given: {
    readonly kindsOf: (build: NewBuild) => readonly ReportKind[];
    readonly hoursMax: number;
    readonly limit: number;
  }): Promise<number>;
  /** A repository of which something is due; null when none is. Nobody else is given it for `seconds`, or until it is given back. */
  claim(seconds: number): Promise<ReportLine | null>;
  /** The oldest of the line that is due, and `seconds` more; null when none is. */
  next(line: ReportLine, seconds: number): Promise<DueReport | null>;
  /** Null: there is no such build. */
  look(due: DueReport): Promise<ReportSubject | null>;
  /** What was told so far. */
  keep(line: ReportLine, due: DueReport, told: Told): Promise<void>;
  /** All was told. `isOver`: and nothing will be to tell any more. */
  told(line: ReportLine, due: DueReport, isOver: boolean): Promise<void>;
  /** `pauseMs`: nothing is sent of the whole repository for so long. */
  failed(line: ReportLine, due: DueReport, trouble: ReportTrouble): Promise<void>;
  release(line: ReportLine): Promise<void>;
  /** Milliseconds until something is due, 0 and less when it is; null when nothing is left. */
  nextDueMs(): Promise<number | null>;
  /** Gives up on what could not be told of builds that ended so long ago; returns how many. */
  giveUp(hoursMax: number): Promise<number>;
  /** Newest first. */
  list(page: ReportPage): Promise<readonly ReportEntry[]>;
  ofBuild(buildId: number): Promise<readonly ReportEntry[]>;
  /** The newest of those with a problem that are not told, and how many of them changed in these hours. */
  failing(hours: number): Promise<{ readonly count: number; readonly newest: ReportEntry } | null>;
}

export interface ReportTrouble {
  readonly problem: string;
  readonly retryMs: number;
  readonly pauseMs: number;
  readonly isRefused: boolean;
}
