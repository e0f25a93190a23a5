// Removes what builds that died have left on the engine, once, when a worker begins.

import type { Builder, Clock } from "../core/ports.ts";

export interface SweepParts {
  readonly builder: Builder;
  readonly clock: Clock;
  readonly buildMsMax: number;
}

/** Other workers may build on the same engine: what was made before the oldest of their builds can have begun is nobody's. Returns how much. */
export function sweepEngine({ builder, clock, buildMsMax }: SweepParts): Promise<number> {
  return builder.sweep(new Date(clock.now().getTime() - buildMsMax));
}
