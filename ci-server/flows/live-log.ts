// A build as it goes on, for any number of viewers: its log from any line on, the build itself whenever it has changed, its end.

import type { Build, LogLine } from "../core/build.ts";
import { AppError } from "../core/errors.ts";
import type { LiveEvent } from "../core/live-event.ts";
import type { Clock, Store } from "../core/ports.ts";
import { patiently } from "./patiently.ts";
import { SharedSteps, type Step } from "./shared-steps.ts";

export interface LiveLogParts {
  readonly store: Pick<Store, "build" | "readLog" | "changed">;
  readonly clock: Clock;
  /** What viewers are shown of a build; JSON in one line. */
  readonly show: (build: Build) => Promise<string>;
  readonly encode: (events: readonly LiveEvent[]) => Uint8Array;
}

/** `seq`: of the last line that the viewer has. `version`: of the build that it has, 0 for none. */
interface Position {
  readonly seq: number;
  readonly version: number;
}

interface Shown {
  readonly version: number;
  readonly data: string;
  readonly build: Build;
  readonly atMs: number;
}

export type ReadStep = (signal: AbortSignal) => Promise<Uint8Array | null>;

/** Of one event. A line is a sixteenth of the bytes at most, and an event has one at least. */
const linesMax = 200;
const bytesMax = 256 * 1024;
/** A notification may be missed. */
const waitMs = 2_000;
/** While lines come, so old may be what is shown of the build: its log does not wait for it. */
const shownMsMax = 250;

/** One for each build that has viewers. */
export class LiveLog {
  readonly #parts: LiveLogParts;
  readonly #id: number;
  readonly #steps: SharedSteps<Position, Uint8Array>;
  #shown: Shown | null = null;
  #looking: Promise<unknown> = Promise.resolve();
  #nextLook: Promise<Shown> | null = null;

  constructor(parts: LiveLogParts, buildId: number) {
    this.#parts = parts;
    this.#id = buildId;
    this.#steps = new SharedSteps({
      keyOf: ({ seq, version }) => `${seq} ${version}`,
      read: (position, signal) => patiently(parts.clock, signal, () => this.#read(position, signal)),
    });
  }

  /** Reads on from this line; what it returns gives null at the end, and after an abort. Throws `invalid` when there is no such line. */
  async from(afterSeq: number): Promise<ReadStep> {
    if (afterSeq > 0 && !(await this.#hasLine(afterSeq)))
      throw new AppError("invalid", `the log of build ${this.#id} has no line ${afterSeq} to go on after`);
    let position: Position | null = { seq: afterSeq, version: 0 };
    return async (signal) => {
      const step: Step<Position, Uint8Array> | null =
        position === null ? null : await this.#steps.after(position, signal);
      position = step?.next ?? null;
      return step?.content ?? null;
    };
  }

  async #hasLine(seq: number): Promise<boolean> {
    const build = await this.#parts.store.build(this.#id);
    // Of a log that was removed nobody knows how long it was.
    if (build === null || build.logRemovedAt !== null) return true;
    return (await this.#parts.store.readLog(this.#id, seq - 1, 1)).length > 0;
  }

  async #read({ seq, version }: Position, signal: AbortSignal): Promise<Step<Position, Uint8Array>> {
    const { store, clock } = this.#parts;
    for (;;) {
      signal.throwIfAborted();
      // Asked before the reading: what is stored between the two is not waited for.
      const change = store.changed(this.#id, waitMs, signal);
      const before = this.#shown;
      const lines = await store.readLog(this.#id, seq, linesMax);
      const isFresh = before !== null && clock.monotonicMs() - before.atMs < shownMsMax;
      const shown = lines.length > 0 && isFresh ? before : await this.#look();
      const isNew = shown.version !== version;
      // All lines are stored before a build has its result: what is read after that is all.
      const isEnd = lines.length === 0 && before !== null && before.build.result !== null;
      if (lines.length > 0 || isNew || isEnd) return this.#toStep(seq, lines, { shown, isNew, isEnd });
      if (shown.build.result === null) await change;
    }
  }

  #toStep(
    seq: number,
    lines: readonly LogLine[],
    { shown, isNew, isEnd }: { readonly shown: Shown; readonly isNew: boolean; readonly isEnd: boolean },
  ): Step<Position, Uint8Array> {
    const some = lines.length === 0 ? null : firstOf(lines);
    const result = JSON.stringify({ result: shown.build.result });
    const events: (LiveEvent | null)[] = [
      isNew ? { id: null, name: "build", data: shown.data } : null,
      some === null ? null : { id: `l${some.seq}`, name: "log", data: some.data },
      isEnd ? { id: null, name: "end", data: result } : null,
    ];
    const content = this.#parts.encode(events.filter((event) => event !== null));
    return { content, next: isEnd ? null : { seq: some?.seq ?? seq, version: shown.version } };
  }

  /** Begun after the call, one after the other: whoever asks while one is under way shares the next one, and none is older than the one before. */
  #look(): Promise<Shown> {
    if (this.#nextLook !== null) return this.#nextLook;
    const look = this.#looking.then(() => {
      this.#nextLook = null;
      return this.#lookNow();
    });
    this.#nextLook = look;
    this.#looking = look.catch(() => undefined);
    return look;
  }

  async #lookNow(): Promise<Shown> {
    const { store, clock, show } = this.#parts;
    const atMs = clock.monotonicMs();
    const build = await store.build(this.#id);
    if (build === null) throw new AppError("not_found", `there is no build ${this.#id} any more`);
    const data = await show(build);
    const before = this.#shown;
    const version = before?.data === data ? before.version : (before?.version ?? 0) + 1;
    this.#shown = { version, data, build, atMs };
    return this.#shown;
  }
}

/** As many as fit. */
function firstOf(lines: readonly LogLine[]): { readonly seq: number; readonly data: string } {
  const parts: string[] = [];
  let bytes = 0;
  for (const line of lines) {
    const part = JSON.stringify(line);
    bytes += Buffer.byteLength(part) + 1;
    if (parts.length > 0 && bytes > bytesMax) break;
    parts.push(part);
  }
  return { seq: lines[parts.length - 1]?.seq ?? 0, data: `[${parts.join(",")}]` };
}
