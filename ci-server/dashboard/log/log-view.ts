// The lines of a log as the page holds them: made outside of the virtual DOM, so that 50,000 of them cost what they weigh.
// Chunks of 200 lines that are out of sight are neither laid out nor painted (`content-visibility` in log.css).

import { count } from "../format.ts";
import type { LineView } from "../views.ts";
import { type FoldName, foldOf, type StepEnd, shownText, stepEnd, stepKey } from "./folds.ts";
import { plainText, spansOf } from "./sgr.ts";

interface Fold {
  readonly name: FoldName;
  readonly element: HTMLDetailsElement;
  readonly title: HTMLElement;
  readonly note: HTMLElement;
  chunk: HTMLElement | null;
  lines: number;
  /** Without those that the heading tells. */
  shown: number;
}

const chunkLines = 200;
/** A frame has time for that many, and for the reader's clicks. */
const linesPerFrame = 4_000;

export class LogView {
  readonly #root: HTMLElement;
  readonly #folds = new Map<string, Fold>();
  readonly #rows: HTMLElement[] = [];
  readonly #texts: string[] = [];
  readonly #seqs: number[] = [];
  #waiting: LineView[] = [];
  #frame = 0;
  #last: FoldName | null = null;
  #opensNew = true;
  /** Told after lines have been put on the page, with their number. */
  onGrown: (lines: number) => void = () => {};

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  get length(): number {
    return this.#rows.length;
  }

  /** Without colours, in the order of their numbers. */
  get texts(): readonly string[] {
    return this.#texts;
  }

  /** The number of the last line that was handed in. */
  get lastSeq(): number {
    return this.#waiting.at(-1)?.seq ?? this.#seqs.at(-1) ?? 0;
  }

  /** They are on the page within a few frames; what was handed in before is not taken twice. */
  append(lines: readonly LineView[]): void {
    const last = this.lastSeq;
    const news = lines.filter((line) => line.seq > last);
    if (news.length === 0) return;
    this.#waiting = this.#waiting.length === 0 ? news : [...this.#waiting, ...news];
    if (this.#frame === 0) this.#frame = nextFrame(() => this.#grow());
  }

  /** Everything that was handed in, now. */
  flush(): void {
    while (this.#waiting.length > 0) this.#grow();
  }

  close(): void {
    cancelFrame(this.#frame);
    this.#frame = 0;
    this.#waiting = [];
    this.#root.replaceChildren();
  }

  /** Also of those that come later. */
  openAll(isOpen: boolean): void {
    this.#opensNew = isOpen;
    for (const { element } of this.#folds.values()) element.open = isOpen;
  }

  /** The heading of a step's fold, opened; null where the log has nothing of the step. */
  openStep(service: string | null, step: number): HTMLElement | null {
    const fold = this.#folds.get(stepKey(service, step));
    if (fold === undefined) return null;
    fold.element.open = true;
    return fold.element;
  }

  /** The line's element, with its fold opened; null where there is no such line. */
  reveal(seq: number): HTMLElement | null {
    const row = this.#rows[this.indexOf(seq)];
    const fold = row?.closest("details");
    if (row === undefined || !fold) return null;
    fold.open = true;
    return row.classList.contains("is-told") ? fold.querySelector("summary") : row;
  }

  /** −1 where there is no such line. Numbers ascend, with gaps where a log was cut. */
  indexOf(seq: number): number {
    let [low, high] = [0, this.#seqs.length - 1];
    while (low <= high) {
      const middle = (low + high) >> 1;
      const found = this.#seqs[middle] ?? 0;
      if (found === seq) return middle;
      if (found < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  seqAt(index: number): number {
    return this.#seqs[index] ?? 0;
  }

  rowAt(index: number): HTMLElement | null {
    return this.#rows[index] ?? null;
  }

  #grow(): void {
    this.#frame = 0;
    const lines = this.#waiting.slice(0, linesPerFrame);
    this.#waiting = this.#waiting.slice(linesPerFrame);
    const fragments = new Map<HTMLElement, DocumentFragment>();
    for (const line of lines) this.#add(line, fragments);
    for (const [chunk, fragment] of fragments) {
      chunk.append(fragment);
      chunk.style.setProperty("--lines", String(chunk.childElementCount - chunk.querySelectorAll(".is-told").length));
    }
    for (const fold of this.#folds.values()) if (fold.element.parentNode === null) this.#root.append(fold.element);
    if (this.#waiting.length > 0) this.#frame = nextFrame(() => this.#grow());
    this.onGrown(lines.length);
  }

  #add(line: LineView, fragments: Map<HTMLElement, DocumentFragment>): void {
    const name = foldOf(line, this.#last);
    this.#last = name;
    const fold = this.#folds.get(name.key) ?? this.#newFold(name);
    if (fold.chunk === null || fold.lines % chunkLines === 0) {
      fold.chunk = make("div", "chunk");
      fold.element.append(fold.chunk);
    }
    const fragment = fragments.get(fold.chunk) ?? document.createDocumentFragment();
    fragments.set(fold.chunk, fragment);
    const row = toRow(line);
    if (tell(fold, line)) row.classList.add("is-told");
    fragment.append(row);
    this.#rows.push(row);
    this.#texts.push(plainText(shownText(line)));
    this.#seqs.push(line.seq);
  }

  #newFold(name: FoldName): Fold {
    const element = document.createElement("details");
    element.className = "fold";
    element.open = this.#opensNew;
    const summary = document.createElement("summary");
    const title = make("span", "fold-title", name.title);
    const note = make("span", "fold-note");
    summary.append(title, note);
    element.append(summary);
    const fold: Fold = { name, element, title, note, chunk: null, lines: 0, shown: 0 };
    this.#folds.set(name.key, fold);
    return fold;
  }
}

/** The heading follows what the log tells of its step: its name, then how it ended. Whether it says all of the line. */
function tell(fold: Fold, line: LineView): boolean {
  fold.lines += 1;
  if (fold.name.step !== null && fold.lines === 1) {
    const service = fold.name.service === null ? "" : `${fold.name.service} `;
    fold.title.textContent = `${service}${plainText(shownText(line))}`;
    return true;
  }
  const end = stepEnd(line);
  if (end === null) fold.shown += 1;
  else fold.element.dataset.end = end.kind;
  const many = fold.shown === 0 ? "" : count(fold.shown, "line");
  fold.note.textContent = [many, end === null ? "" : noteOf(end)].filter(Boolean).join(", ");
  return end !== null && end.kind !== "error";
}

function noteOf({ kind, took }: StepEnd): string {
  if (kind === "done") return took ?? "done";
  return kind === "cached" ? "cached" : "failed";
}

function toRow(line: LineView): HTMLElement {
  const row = make("div", line.stream === "stderr" ? "line from-stderr" : "line");
  row.id = `L${line.seq}`;
  const number = document.createElement("a");
  number.className = "line-number";
  number.href = `#L${line.seq}`;
  number.tabIndex = -1;
  number.textContent = String(line.seq);
  const text = make("span", "line-text");
  for (const { text: part, style } of spansOf(shownText(line)))
    text.append(style === "" ? document.createTextNode(part) : make("span", style, part));
  row.append(number, text);
  return row;
}

function make(name: "div" | "span", className: string, text?: string): HTMLElement {
  const element = document.createElement(name);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

/** A page that is not looked at has no frames. */
function nextFrame(work: () => void): number {
  return document.hidden ? window.setTimeout(work) : requestAnimationFrame(work);
}

function cancelFrame(frame: number): void {
  cancelAnimationFrame(frame);
  window.clearTimeout(frame);
}
