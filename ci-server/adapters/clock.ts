// The system's clock.

import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../core/ports.ts";

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, { signal });
  },
};
