// Collects the lines of a build and stores them in chunks; whoever writes never waits.

import type { AttemptKey, LogLine, Stage } from "../core/build.ts";
import { cleanText } from "../core/clean-text.ts";
import type { Clock, Store } from "../core/ports.ts";

export interface BuildLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly at: AttemptKey;
  /** Bytes of text kept; what comes after is counted and dropped. */
  readonly bytesMax: number;
  /** Number of the last line that an earlier attempt stored. */
  readonly lastSeq: number;
}

const chunkLines = 50;
const lineCharsMax = 16_384;
const flushMs = 200;

export class BuildLog {
  readonly #options: BuildLogOptions;
  #pending: LogLine[] = [];
  #seq: number;
  #bytes = 0;
  #dropped = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: BuildLogOptions) {
    this.#options = options;
    this.#seq = options.lastSeq;
  }

  write(stage: Stage, text: string): void {
    // Cleaned after the cut, which may go through the middle of a character.
    for (const line of text.split("\n")) this.#add(stage, cleanText(line.slice(0, lineCharsMax)));
  }

  /** Stores what is pending, and how much was dropped. Throws when it cannot be stored. */
  async close(stage: Stage): Promise<void> {
    if (this.#dropped > 0) {
      this.#append(
        stage,
        `the log was cut here: ${this.#dropped} lines above the limit of ${this.#options.bytesMax} bytes`,
      );
    }
    await this.#flush();
    if (this.#pending.length > 0) await this.#store();
  }

  #add(stage: Stage, text: string): void {
    const bytes = Buffer.byteLength(text) + 1;
    if (this.#bytes + bytes > this.#options.bytesMax) {
      this.#dropped += 1;
      return;
    }
    this.#bytes += bytes;
    this.#append(stage, text);
  }

  #append(stage: Stage, text: string): void {
    this.#seq += 1;
    this.#pending.push({ seq: this.#seq, at: this.#options.clock.now(), stage, text });
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
