// Reads a build's log from any line on; when asked to follow, until the build has ended and its last line was read.

import type { LogLine } from "../core/build.ts";
import type { Store } from "../core/ports.ts";

export interface FollowRequest {
  readonly buildId: number;
  readonly afterSeq: number;
  readonly follow: boolean;
  /** Ends the reading quietly: the reader has gone. */
  readonly signal: AbortSignal;
}

const waitMs = 1_000;

export async function* followLog(store: Store, request: FollowRequest): AsyncGenerator<LogLine> {
  const { buildId, follow, signal } = request;
  let { afterSeq } = request;
  while (!signal.aborted) {
    // Asked before the reading: what is stored between the two is not waited for.
    const change = store.changed(buildId, waitMs, signal);
    const build = follow ? await store.build(buildId) : null;
    const hasEnded = build === null || build.result !== null;
    const lines = await store.readLog(buildId, afterSeq);
    yield* lines;
    afterSeq = lines.at(-1)?.seq ?? afterSeq;
    if (lines.length > 0) continue;
    if (hasEnded) return;
    await change;
  }
}
