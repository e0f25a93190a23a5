// The activity list as it changes, for any number of viewers: each change is read once for all who are up to date, and whoever
// comes back is given what changed meanwhile.

import type { LiveEvent } from "../core/live-event.ts";
import type { ActivityChanges, Clock } from "../core/ports.ts";
import { patiently } from "./patiently.ts";
import { SharedSteps, type Step } from "./shared-steps.ts";

/** `data`: JSON in one line. */
export interface ShownItem {
  readonly repository: string | null;
  readonly data: string;
}

export interface LiveActivityParts {
  readonly changes: ActivityChanges;
  readonly clock: Clock;
  /** Those that are there, in this order. */
  readonly show: (ids: readonly string[]) => Promise<readonly ShownItem[]>;
  readonly encode: (events: readonly LiveEvent[]) => Uint8Array;
}

export interface ActivityViewer {
  /** In whatever case of letters; null: all. */
  readonly repository: string | null;
  /** What it had last; null: only what is new from now. */
  readonly position: string | null;
}

/** Null at an abort. */
export type ReadChanges = (signal: AbortSignal) => Promise<Uint8Array | null>;

/** `notBeforeMs`: what changes within a moment is told at once. */
interface Position {
  readonly known: string;
  readonly notBeforeMs: number;
}

interface Told {
  readonly items: readonly ShownItem[];
  readonly isReset: boolean;
  readonly before: string;
  readonly after: string;
  /** For those who see all. */
  readonly bytes: Uint8Array;
}

/** A notification may be missed. */
const waitMs = 1_000;
const pauseMs = 200;
/** Whoever has to load the list again should not have to at once once more. */
const resetPauseMs = 2_000;
/** Of the items that are told together; beyond it, it is cheaper to load the list. */
const charsMax = 512 * 1024;

export class LiveActivity {
  readonly #parts: LiveActivityParts;
  readonly #steps: SharedSteps<Position, Told>;
  /** Where all stand who are up to date. */
  #head: Position | null = null;
  #viewers = 0;

  constructor(parts: LiveActivityParts) {
    this.#parts = parts;
    this.#steps = new SharedSteps({
      keyOf: ({ known }) => known,
      read: (position, signal) => patiently(parts.clock, signal, () => this.#read(position, signal)),
    });
  }

  /** Until the signal aborts. What it returns tells the position first. */
  async view({ repository, position }: ActivityViewer, signal: AbortSignal): Promise<ReadChanges> {
    // Nobody has read on from there: what is new is new from now.
    if (this.#viewers === 0) this.#head = null;
    this.#viewers += 1;
    signal.addEventListener("abort", () => {
      this.#viewers -= 1;
    });
    const head = await this.#headNow();
    let at: Position = position === null ? head : { known: position, notBeforeMs: 0 };
    let isGreeted = false;
    return async (gone) => {
      if (!isGreeted) {
        isGreeted = true;
        return this.#parts.encode([{ id: at.known, name: null, data: "" }]);
      }
      for (;;) {
        const step: Step<Position, Told> | null = await this.#steps.after(at, gone);
        if (step === null) return null;
        at = step.next ?? at;
        const bytes = this.#bytesFor(repository, step.content);
        if (bytes !== null) return bytes;
      }
    };
  }

  async #headNow(): Promise<Position> {
    if (this.#head !== null) return this.#head;
    const known = await this.#parts.changes.position();
    this.#head ??= { known, notBeforeMs: 0 };
    return this.#head;
  }

  async #read(position: Position, signal: AbortSignal): Promise<Step<Position, Told>> {
    const { changes, clock } = this.#parts;
    const head = await this.#headNow();
    if (position.known !== head.known) return this.#catchUp(position, head);
    for (;;) {
      const pause = position.notBeforeMs - clock.monotonicMs();
      if (pause > 0) await clock.sleep(pause, signal);
      signal.throwIfAborted();
      // Asked before the reading: what is stored between the two is not waited for.
      const change = changes.changed(waitMs, signal);
      const found = await changes.since(position.known, null);
      if (found.ids === null || found.ids.length > 0) {
        const told = await this.#tell(found.ids, position.known, found.position);
        const rest = told.isReset ? resetPauseMs : pauseMs;
        this.#head = { known: found.position, notBeforeMs: clock.monotonicMs() + rest };
        return { content: told, next: this.#head };
      }
      await change;
    }
  }

  async #catchUp(position: Position, head: Position): Promise<Step<Position, Told>> {
    const found = await this.#parts.changes.since(position.known, head.known);
    return { content: await this.#tell(found.ids, position.known, head.known), next: head };
  }

  async #tell(ids: readonly string[] | null, before: string, after: string): Promise<Told> {
    const items = ids === null || ids.length === 0 ? [] : await this.#parts.show(ids);
    const isReset =
      ids === null || (items.length > 1 && items.reduce((sum, { data }) => sum + data.length, 0) > charsMax);
    const told = { items: isReset ? [] : items, isReset, before, after };
    return { ...told, bytes: this.#parts.encode(toEvents(told)) };
  }

  /** Null where nothing of it is for this viewer. */
  #bytesFor(repository: string | null, told: Told): Uint8Array | null {
    if (told.isReset || (repository === null && told.items.length > 0)) return told.bytes;
    const items = told.items.filter((item) => item.repository?.toLowerCase() === repository?.toLowerCase());
    return items.length === 0 ? null : this.#parts.encode(toEvents({ ...told, items }));
  }
}

/** Whoever has only some of them comes back for all: the last one alone has the new position. */
function toEvents({ items, isReset, before, after }: Omit<Told, "bytes">): LiveEvent[] {
  if (isReset) return [{ id: after, name: "reset", data: "{}" }];
  return items.map(({ data }, index) => ({ id: index === items.length - 1 ? after : before, name: "activity", data }));
}
