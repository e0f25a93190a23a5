// Who works on which build.

/** The right to work on a build, for as long as it lasts. */
export interface Lease {
  /** Aborts when the work has to be given up; its reason is an AppError `unavailable` that says why. */
  readonly signal: AbortSignal;
  /** Asks the database whether the build is still this worker's. Throws the signal's reason when it is not, `unavailable` when that cannot be known. */
  confirm(): Promise<void>;
}

/** Hands queued builds to this worker: in order and one at a time for each repository. */
export interface Queue {
  /** A handler that returns is done with the build; one that throws gives it back, to be tried again later. */
  work(handler: (buildId: number, lease: Lease) => Promise<void>): Promise<void>;
  /** Takes no more builds, waits for the running ones, then aborts and gives back those that still run. */
  stop(graceMs: number): Promise<void>;
}
