// Finds words in a log and marks them: ranges over the text that is there, so that no element is made or changed for it.

import type { LogView } from "./log-view.ts";

/** More marks than that would be slow to paint; the count and the walk from one to the next know all. */
const marksMax = 2_000;

export class LogSearch {
  readonly #view: LogView;
  #words = "";
  #found: number[] = [];
  #at = -1;

  constructor(view: LogView) {
    this.#view = view;
  }

  get found(): number {
    return this.#found.length;
  }

  /** Counts from 1; 0 when none is chosen. */
  get at(): number {
    return this.#at + 1;
  }

  /** The first match at or after this line is the next one. */
  look(words: string, fromSeq = 0): void {
    this.#words = words.toLowerCase();
    this.#found = this.#words === "" ? [] : this.#matches(0);
    this.#at = this.#found.findIndex((index) => this.#view.seqAt(index) >= fromSeq) - 1;
    if (this.#at < -1) this.#at = -1;
    this.mark();
  }

  /** Takes in lines that have come since. */
  grow(before: number): void {
    if (this.#words === "") return;
    this.#found.push(...this.#matches(before));
    this.mark();
  }

  /** The line's number, or null where nothing was found. */
  step(by: 1 | -1): number | null {
    if (this.#found.length === 0) return null;
    const from = this.#at < 0 && by < 0 ? 0 : this.#at;
    this.#at = (from + by + this.#found.length) % this.#found.length;
    this.mark();
    return this.#view.seqAt(this.#found[this.#at] ?? 0);
  }

  mark(): void {
    // Older browsers have none: there the line that was jumped to is marked, as with a permalink.
    if (!("highlights" in CSS)) return;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-here");
    if (this.#words === "") return;
    const from = Math.max(0, Math.min(this.#at - marksMax / 2, this.#found.length - marksMax));
    const marked = this.#found.slice(from, from + marksMax);
    CSS.highlights.set("found", new Highlight(...marked.flatMap((index) => this.#ranges(index))));
    const here = this.#found[this.#at];
    if (here !== undefined) CSS.highlights.set("found-here", new Highlight(...this.#ranges(here)));
  }

  #matches(from: number): number[] {
    const found: number[] = [];
    const { texts } = this.#view;
    for (let index = from; index < texts.length; index += 1)
      if (texts[index]?.toLowerCase().includes(this.#words)) found.push(index);
    return found;
  }

  #ranges(index: number): Range[] {
    const text = this.#view.rowAt(index)?.querySelector(".line-text");
    if (!text) return [];
    const ranges: Range[] = [];
    const whole = (text.textContent ?? "").toLowerCase();
    for (let at = whole.indexOf(this.#words); at >= 0; at = whole.indexOf(this.#words, at + this.#words.length))
      ranges.push(rangeOf(text, at, at + this.#words.length));
    return ranges;
  }
}

/** From one character of the element's text to another, whatever elements they lie in. */
function rangeOf(element: Element, from: number, to: number): Range {
  const range = document.createRange();
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  let before = 0;
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const length = node.nodeValue?.length ?? 0;
    if (from >= before && from < before + length) range.setStart(node, from - before);
    if (to > before && to <= before + length) range.setEnd(node, to - before);
    before += length;
  }
  return range;
}
