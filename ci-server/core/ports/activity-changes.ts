// What of the activity list has changed, for those who look on.

/**
 * `position`: of whoever knows of these. `ids`: of the list's items that changed, each once, what changed last stands last; null
 * when they are too many, or some are not known any more.
 */
export interface Changed {
  readonly position: string;
  readonly ids: readonly string[] | null;
}

/**
 * Every change of a build or a delivery that shows in the list, in whatever process, is noted in the transaction that makes it.
 * A position is what somebody knows of: it holds in every process on the same database. Throws `unavailable`.
 */
export interface ActivityChanges {
  /** Of whoever knows all that there is now. */
  position(): Promise<string>;
  /**
   * What changed after the position and is not known at `until`; null: what there is now. However the transactions that made
   * the changes overlapped, none is left out. A text that is no position gives null.
   */
  since(position: string, until: string | null): Promise<Changed>;
  /** Resolves when something may have changed since the call; never later than `ms`. */
  changed(ms: number, signal: AbortSignal): Promise<void>;
}
