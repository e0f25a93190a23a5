// The builds that somebody looks at, each read once for all who do.

import { LiveLog, type LiveLogParts } from "./live-log.ts";

interface Watched {
  readonly log: LiveLog;
  viewers: number;
}

export class LiveLogs {
  readonly #parts: LiveLogParts;
  readonly #watched = new Map<number, Watched>();

  constructor(parts: LiveLogParts) {
    this.#parts = parts;
  }

  /** Until the signal aborts. */
  of(buildId: number, signal: AbortSignal): LiveLog {
    const watched = this.#watched.get(buildId) ?? { log: new LiveLog(this.#parts, buildId), viewers: 0 };
    this.#watched.set(buildId, watched);
    watched.viewers += 1;
    signal.addEventListener("abort", () => {
      watched.viewers -= 1;
      if (watched.viewers === 0) this.#watched.delete(buildId);
    });
    return watched.log;
  }
}
