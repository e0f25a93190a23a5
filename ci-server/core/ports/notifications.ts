// What somebody is still to be told, and what became of it.

import type { Build, Result } from "../build.ts";
import type { NewNotification, Notice } from "../notification.ts";

export const notificationStates = ["pending", "sent", "failed"] as const;
export type NotificationState = (typeof notificationStates)[number];

export interface Notification {
  /** A UUID, the same for each attempt. */
  readonly id: string;
  readonly channel: string;
  readonly notice: Notice;
  /** This one counts. */
  readonly attempts: number;
  readonly createdAt: Date;
}

export interface NotificationEntry extends Notification {
  /** Counts them in the order in which they were made. */
  readonly place: number;
  readonly buildId: number;
  readonly state: NotificationState;
  /** When it is tried next; null when it is not. */
  readonly dueAt: Date | null;
  readonly endedAt: Date | null;
  /** Why the last attempt failed; null when none has. */
  readonly problem: string | null;
}

export interface NotificationPage {
  readonly state: NotificationState | null;
  /** Those with a place below this one; null starts at the newest. */
  readonly before: number | null;
  readonly limit: number;
}

/** All may be called by several processes at once. They throw `unavailable` when the database cannot be reached. */
export interface NotificationStore {
  /**
   * Makes notifications of builds that have ended, each build once whoever calls, and forgets that these are to be told of. A
   * build that ended more than `hoursMax` ago is told of no more. Returns how many builds there were, `limit` at most.
   */
  make(given: {
    readonly toNotifications: (build: Build, before: Result | null) => readonly NewNotification[];
    readonly hoursMax: number;
    readonly limit: number;
  }): Promise<number>;
  /**
   * The oldest of the channel that is due, and counts the attempt; null when none is. Nobody else is given it for `seconds`,
   * and after that somebody is unless it has ended: whoever dies while sending has it sent once more.
   */
  claim(channel: string, seconds: number): Promise<Notification | null>;
  /** Milliseconds until the next one of the channel is due, 0 and less when one is; null when none is left. */
  nextDueMs(channel: string): Promise<number | null>;
  sent(id: string): Promise<void>;
  /** `retryMs`: null when it is not tried again. */
  failed(id: string, problem: string, retryMs: number | null): Promise<void>;
  /** Gives up on what has been pending for so long, whatever became of its channel; returns how many. */
  giveUp(hoursMax: number): Promise<number>;
  /** Removes those that ended so long ago. */
  forget(daysMax: number): Promise<number>;
  /** Newest first. */
  list(page: NotificationPage): Promise<readonly NotificationEntry[]>;
}

/** One way to tell somebody. */
export interface Channel {
  readonly name: string;
  /**
   * Throws `unavailable` when it is worth trying again (`details.retryAfterMs`: not before), any other code when it is not.
   * Its messages hold no address and no secret.
   */
  send(notification: Pick<Notification, "id" | "notice">, signal: AbortSignal): Promise<void>;
}
