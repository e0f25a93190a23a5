// The last lines of something that may be endless: what is older is counted and let go.

import type { LogSize } from "../core/log-budget.ts";

/** A ring: nothing is moved and nothing is made for what only passes through. */
export class LogTail<T> {
  readonly #max: LogSize;
  readonly #items: (T | undefined)[] = [];
  readonly #sizes: number[] = [];
  /** Place of the oldest item, and how many there are. */
  #first = 0;
  #count = 0;
  #bytes = 0;
  #goneLines = 0;
  #goneBytes = 0;

  constructor(max: LogSize) {
    this.#max = max;
  }

  /** `bytes`: that the item counts for. */
  push(item: T, bytes: number): void {
    while (this.#count > 0 && (this.#count >= this.#max.lines || this.#bytes + bytes > this.#max.bytes))
      this.#dropFirst();
    if (this.#count >= this.#max.lines || bytes > this.#max.bytes) {
      this.#letGo(bytes);
      return;
    }
    const place = (this.#first + this.#count) % this.#max.lines;
    this.#items[place] = item;
    this.#sizes[place] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
  }

  /** From the oldest on. */
  get items(): readonly T[] {
    const places = Array.from({ length: this.#count }, (_none, index) => (this.#first + index) % this.#max.lines);
    return places.flatMap((place) => this.#items[place] ?? []);
  }

  get gone(): LogSize {
    return { lines: this.#goneLines, bytes: this.#goneBytes };
  }

  #dropFirst(): void {
    const bytes = this.#sizes[this.#first] ?? 0;
    this.#items[this.#first] = undefined;
    this.#first = (this.#first + 1) % this.#max.lines;
    this.#count -= 1;
    this.#bytes -= bytes;
    this.#letGo(bytes);
  }

  #letGo(bytes: number): void {
    this.#goneLines += 1;
    this.#goneBytes += bytes;
  }
}
