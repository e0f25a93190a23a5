// Reads again where the database was away: whoever only looks on need not be sent away for that.

import { toAppError } from "../core/errors.ts";
import type { Clock } from "../core/ports.ts";

const againMs = 1_000;

/** Throws what the reading throws, `unavailable` aside, and the signal's reason on abort. */
export async function patiently<T>(clock: Clock, signal: AbortSignal, read: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await read();
    } catch (cause) {
      if (toAppError(cause).code !== "unavailable") throw cause;
    }
    await clock.sleep(againMs, signal);
  }
}
