// Collects the lines of a build, makes them fit to be read by anybody, and stores them in chunks; whoever writes never waits.

import { safeLine } from "../core/ansi.ts";
import type { AttemptKey, LogLine, Stage } from "../core/build.ts";
import { type LogSize, shareOut } from "../core/log-budget.ts";
import { Masker } from "../core/mask.ts";
import type { Clock, LineOrigin, Store } from "../core/ports.ts";
import { LogTail } from "./log-tail.ts";

export interface BuildLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly at: AttemptKey;
  /** Of the whole build. */
  readonly limit: LogSize;
  /** What earlier attempts have stored. */
  readonly stored: LogSize;
}

/** A line as it was written. */
type Written = Omit<LogLine, "seq">;

interface StepLines {
  readonly service: string | null;
  readonly step: number;
  readonly lines: LogTail<Written>;
}

const nowhere: LineOrigin = {};
const chunkLines = 50;
const flushMs = 200;
const lineCharsMax = 16_384;
/** Looked at: a secret that the cut goes through has to be found. */
const rawCharsMax = lineCharsMax + 4_096;
const cutMark = " … the rest of this line is left out";
/** What a line may grow by when it is made safe: a colour is ended, a cut is told. */
const grownBytesMax = 64;
/** Of a failing step. */
const lastLinesMax: LogSize = { lines: 20, bytes: 128 * 1024 };
/** Steps whose last lines are kept: those that printed something last. */
const stepsMax = 32;
/** The two lines that tell of what is left out. */
const noticesMax: LogSize = { lines: 2, bytes: 400 };

export class BuildLog {
  readonly #options: BuildLogOptions;
  readonly #masker = new Masker();
  readonly #tail: LogTail<Written>;
  readonly #hasNotices: boolean;
  readonly #lastLines = new Map<string, LogTail<Written>>();
  /** The step that printed last. */
  #lastStep: StepLines | null = null;
  #head: LogSize;
  #isFull = false;
  #pending: LogLine[] = [];
  #seq: number;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: BuildLogOptions) {
    const { head, tail } = shareOut(options.limit, options.stored);
    this.#options = options;
    this.#seq = options.stored.lines;
    this.#head = head;
    this.#hasNotices = tail.lines > noticesMax.lines && tail.bytes > noticesMax.bytes;
    const notices = this.#hasNotices ? noticesMax : { lines: 0, bytes: 0 };
    this.#tail = new LogTail({ lines: tail.lines - notices.lines, bytes: tail.bytes - notices.bytes });
  }

  /** Made for builds that print without end: of a line that only passes through little is done. */
  write(stage: Stage, text: string, origin: LineOrigin = nowhere): void {
    if (text.includes("\n")) for (const line of text.split("\n")) this.#write(stage, line, origin);
    else this.#write(stage, text, origin);
  }

  /** Hides these values too from now on. Returns how many of them are too short for that. */
  hide(values: Iterable<string>): number {
    return this.#masker.hide(values);
  }

  /** A text that stands outside of the log, as a message, without what the log hides. */
  mask(text: string): string {
    return this.#masker.text(text.split("\n").map(safeLine).join("\n"));
  }

  /** The last lines that a step printed, without its number. */
  lastLines(service: string | null, step: number): readonly string[] {
    const lines = this.#lastLines.get(toKey(service, step))?.items ?? [];
    return lines.length === 0 ? [] : this.mask(lines.map((line) => parts(line).said).join("\n")).split("\n");
  }

  /** Lines that are not kept; known when the log is closed. */
  get droppedLines(): number {
    return this.#tail.gone.lines;
  }

  /** Stores what is pending, and the last of the lines that were above the limit. To be called once. Throws when it cannot be stored. */
  async close(): Promise<void> {
    if (this.#isFull) this.#appendTail();
    await this.#flush();
    if (this.#pending.length > 0) await this.#store();
  }

  #write(stage: Stage, said: string, origin: LineOrigin): void {
    const { service = null, step = null, stream = null } = origin;
    const text = said.length > rawCharsMax ? said.slice(0, rawCharsMax) : said;
    const line = { at: this.#options.clock.now(), stage, service, step, stream, text };
    const bytes = Buffer.byteLength(text);
    if (step !== null && stream !== null) this.#lastLinesOf(service, step).push(line, bytes);
    if (!this.#isFull && !this.#keep(line)) this.#cut(line);
    if (this.#isFull) this.#tail.push(line, bytes + grownBytesMax);
  }

  /** False when there is no room for it. */
  #keep(line: Written): boolean {
    const safe = this.#toSafe(line);
    const bytes = Buffer.byteLength(safe.text) + 1;
    if (this.#head.lines < 1 || this.#head.bytes < bytes) return false;
    this.#head = { lines: this.#head.lines - 1, bytes: this.#head.bytes - bytes };
    this.#append(safe);
    return true;
  }

  #lastLinesOf(service: string | null, step: number): LogTail<Written> {
    const last = this.#lastStep;
    if (last !== null && last.step === step && last.service === service) return last.lines;
    const key = toKey(service, step);
    const lines = this.#lastLines.get(key) ?? new LogTail<Written>(lastLinesMax);
    this.#lastStep = { service, step, lines };
    // A Map has its keys in the order in which they were put.
    this.#lastLines.delete(key);
    this.#lastLines.set(key, lines);
    if (this.#lastLines.size > stepsMax) this.#lastLines.delete(this.#lastLines.keys().next().value ?? "");
    return lines;
  }

  #toSafe(line: Written): Written {
    const { number, said } = parts(line);
    const source = `${toKey(line.service, line.step)} ${line.stream}`;
    const text = number + this.#masker.line(source, safeLine(said));
    if (text.length <= lineCharsMax) return { ...line, text };
    // The cut may go through a colour, or through a character.
    return { ...line, text: safeLine(text.slice(0, lineCharsMax)) + cutMark };
  }

  #cut({ at, stage }: Written): void {
    this.#isFull = true;
    const { bytes, lines } = this.#options.limit;
    const text = `… the log is cut here (limit: ${bytes} bytes, ${lines} lines); of what follows its last lines are kept …`;
    if (this.#hasNotices) this.#append(ours(at, stage, text));
  }

  #appendTail(): void {
    const { items, gone } = this.#tail;
    const first = items[0];
    const at = first?.at ?? this.#options.clock.now();
    const bytes = gone.bytes - gone.lines * (grownBytesMax - 1);
    const text = `… ${gone.lines} lines (${bytes} bytes) were left out here …`;
    if (gone.lines > 0 && this.#hasNotices) this.#append(ours(at, first?.stage ?? "queued", text));
    for (const line of items) this.#append(this.#toSafe(line));
  }

  #append(line: Written): void {
    this.#seq += 1;
    this.#pending.push({ seq: this.#seq, ...line });
    if (this.#pending.length >= chunkLines) void this.#flush();
    else this.#timer ??= setTimeout(() => void this.#flush(), flushMs);
  }

  #flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    // A chunk that cannot be stored now stays pending and goes with the next one; close() reports it if it comes to that.
    this.#writing = this.#writing.then(() => this.#store()).catch(() => undefined);
    return this.#writing;
  }

  async #store(): Promise<void> {
    const lines = this.#pending;
    if (lines.length === 0) return;
    this.#pending = [];
    try {
      await this.#options.store.appendLog(this.#options.at, lines);
    } catch (error) {
      this.#pending = [...lines, ...this.#pending];
      throw error;
    }
  }
}

function toKey(service: string | null, step: number | null): string {
  return `${service} ${step}`;
}

/** What a step says begins with its number, as `docker build` has it. */
function parts({ step, text }: Written): { readonly number: string; readonly said: string } {
  const number = `#${step} `;
  return step !== null && text.startsWith(number)
    ? { number, said: text.slice(number.length) }
    : { number: "", said: text };
}

function ours(at: Date, stage: Stage, text: string): Written {
  return { at, stage, service: null, step: null, stream: null, text };
}
