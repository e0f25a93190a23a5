// The words by which programs say that they were given no more of the machine, and what to do about it.

import type { FailureKind } from "./failure.ts";

interface OverLimit {
  readonly pattern: RegExp;
  readonly hint: string;
}

export const tooMuchMemory =
  "the step was killed, or refused, as the kernel does when memory runs out: let it use less, or raise memory.max of the engine's control group: see docs/engine.md";

/** The first that fits. */
const overLimits: readonly OverLimit[] = [
  {
    // A program's own limit, which is not the engine's.
    pattern: /JavaScript heap out of memory|java\.lang\.OutOfMemoryError: (?:Java heap|GC overhead)/,
    hint: "raise the program's own limit of memory in the step (NODE_OPTIONS=--max-old-space-size=4096, or -Xmx of Java)",
  },
  // Before what is said of memory: where the first process of a step has ended, the kernel refuses the others a fork with those words.
  // "Resource temporarily unavailable" alone is said of files too, as by apt of its lock.
  {
    pattern:
      /(?:fork|clone|spawn|exec|thread|pthread_create)\b.*(?:Resource temporarily unavailable|EAGAIN)|unable to create (?:new )?(?:native )?thread|can't start new thread|failed to create new OS thread/i,
    hint: "let the step start fewer processes at once (as by make -j4), or raise pids.max of the engine's control group: see docs/engine.md",
  },
  {
    pattern: /can't fork|cannot fork|(?:fork|clone)\b.*Cannot allocate memory/i,
    hint: "let the step start fewer processes at once (as by make -j4), or raise pids.max and memory.max of the engine's control group: see docs/engine.md",
  },
  {
    pattern:
      /Cannot allocate memory|\bENOMEM\b|virtual memory exhausted|Killed signal terminated program|signal: killed|OOM-killed/i,
    hint: tooMuchMemory,
  },
  // What a shell says last of a program that the kernel has killed.
  { pattern: /^(?:\S+: line \d+: +\d+ )?Killed\b(?![\s\S]*\n)/m, hint: tooMuchMemory },
  {
    // What runc says where it gets no process or no memory to begin with: the group is that of all builds.
    pattern: /can't get final child's PID from pipe/,
    hint: "ask for the build again when no other one takes all that the engine's control group has, or raise its pids.max and memory.max: see docs/engine.md",
  },
];

/** What to do, or null where the text does not speak of a limit. */
export function overLimit(text: string): string | null {
  return overLimits.find(({ pattern }) => pattern.test(text))?.hint ?? null;
}

/** Also of a step that goes on without what it was refused, until its time is over. */
export function overLimitHint(kind: FailureKind, text: string): string | null {
  return kind === "limit" || kind === "timeout" ? overLimit(text) : null;
}
