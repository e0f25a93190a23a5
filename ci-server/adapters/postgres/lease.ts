// A worker's right to a build: asked for again and again, lost when another has it, and given up when nobody can be asked.

import { AppError, toAppError } from "../../core/errors.ts";
import type { Lease } from "../../core/ports.ts";

export interface LeaseOptions {
  /** Refreshes the claim; false when it is another's by now. */
  readonly touch: () => Promise<boolean>;
  readonly refreshMs: number;
  /** So long after the last refresh the claim may be another's: below the queue's own heartbeat. */
  readonly lostMs: number;
}

export interface HeldLease extends Lease {
  /** Ends the work with this reason. */
  end(reason: string): void;
  /** Stops refreshing; the signal stays as it is. */
  release(): void;
}

/** Begins with a claim that was made just now. All times are monotonic: a process that was frozen finds on waking how long it was away. */
export function holdLease({ touch, refreshMs, lostMs }: LeaseOptions): HeldLease {
  const ending = new AbortController();
  const ended = Promise.withResolvers<never>();
  ended.promise.catch(() => undefined);
  ending.signal.addEventListener("abort", () => ended.reject(ending.signal.reason));
  let heldMs = performance.now();
  let isAsking = false;
  const end = (reason: string) => ending.abort(new AppError("unavailable", reason));
  const checkAge = () => {
    if (performance.now() - heldMs > lostMs)
      end(`the database has not confirmed this attempt for ${lostMs / 1000} s: another worker may have the build`);
  };
  async function confirm(): Promise<void> {
    ending.signal.throwIfAborted();
    const askedMs = performance.now();
    const isHeld = await Promise.race([touch(), ended.promise]).catch((cause: unknown) => {
      ending.signal.throwIfAborted();
      const { message } = toAppError(cause);
      throw new AppError("unavailable", `the database could not confirm this attempt: ${message}`, { cause });
    });
    if (!isHeld) end("another worker has taken over the build");
    // The claim is as old as the question, however late the answer is read.
    heldMs = Math.max(heldMs, isHeld ? askedMs : 0);
    checkAge();
    ending.signal.throwIfAborted();
  }
  const timer = setInterval(() => {
    checkAge();
    if (isAsking) return;
    isAsking = true;
    // Trouble with the database is none yet: the age tells.
    confirm()
      .catch(() => undefined)
      .finally(() => {
        isAsking = false;
      });
  }, refreshMs);
  return { signal: ending.signal, confirm, end, release: () => clearInterval(timer) };
}
