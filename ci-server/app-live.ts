// What those look at who look on.

import { systemClock } from "./adapters/clock.ts";
import type { Opened } from "./app-opened.ts";
import type { LiveParts } from "./http/live.ts";
import { Viewers } from "./http/sse.ts";

export function liveParts({ config, postgres }: Opened): LiveParts {
  const { limits } = config;
  const viewers = new Viewers({
    viewersMax: limits.viewers_max,
    stallMsMax: limits.viewer_stall_seconds_max * 1000,
    silenceMsMax: limits.viewer_silence_seconds_max * 1000,
  });
  return { clock: systemClock, viewers, activityChanges: postgres.activityChanges };
}
