// Commands that people give in comments: stored with the delivery that brought them, obeyed later on, once each.

import type { AuditRecord } from "../accounts.ts";
import type { NewCommand } from "../decide-comment.ts";
import type { RuleVerdict } from "../delivery.ts";

export interface CommandJob extends NewCommand {
  readonly id: number;
  readonly forge: string;
  readonly deliveryGuid: string;
  /** This one counts. */
  readonly attempts: number;
}

/** `refused`: whoever gave it may not, or gave too many. `failed`: it could not be obeyed, and is not tried again. */
export type CommandState = "done" | "refused" | "failed";

export interface CommandEnd {
  readonly state: CommandState;
  /** A sentence for the person who asks why; the delivery's entry in the ledger has it from then on. */
  readonly reason: string;
  /** What was asked beyond the delivery's own rules. */
  readonly rules: readonly RuleVerdict[];
}

/** Of the same pull request, within the hour before a command was stored. */
export interface CommandCount {
  /** Those of the same author, earlier than this one. */
  readonly byAuthor: number;
  /** Those of anybody that were obeyed. */
  readonly obeyed: number;
}

/** All may be called by several processes at once. They throw `unavailable` when the database cannot be reached. */
export interface CommandStore {
  /**
   * The oldest one that is due, and counts the attempt; null when none is. Nobody else is given it for `seconds`, and after that
   * somebody is unless it has ended: whoever dies has it obeyed by the next one.
   */
  claim(seconds: number): Promise<CommandJob | null>;
  /** Milliseconds until the next one is due, 0 and less when one is; null when none is left. */
  nextDueMs(): Promise<number | null>;
  /** Resolves when there may be a new one, on abort, and never later than `ms`. */
  changed(ms: number, signal: AbortSignal): Promise<void>;
  count(job: CommandJob): Promise<CommandCount>;
  /** The build that was queued under this idempotency key; null when none was. */
  buildOf(key: string): Promise<number | null>;
  /** The newest build of the pull request's merge; null when there is none. */
  newestBuild(job: CommandJob): Promise<number | null>;
  /** GUIDs of deliveries that may be of the pull request's merge, newest first, a bounded number. */
  mergeDeliveries(job: CommandJob): Promise<readonly string[]>;
  /** Notes which build the command led to, with its entry in the audit; the second time does nothing. */
  built(job: CommandJob, buildId: number, audit: AuditRecord, auditEntriesMax: number): Promise<void>;
  /** Taken from the attempt that holds it only; after the end nothing changes. Writes the delivery's entry in the ledger too. */
  end(job: CommandJob, end: CommandEnd): Promise<void>;
  /** It is tried again after so long. */
  postpone(job: CommandJob, problem: string, retryMs: number): Promise<void>;
  /** Removes those that ended so long ago. */
  forget(daysMax: number): Promise<number>;
}
