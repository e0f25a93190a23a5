// What a reader of a log does: follows its end, reads further up in peace, jumps to a line, a step or a match.

import { signal } from "@preact/signals";
import type { BuildEntry, BuildView, LineView } from "../views.ts";
import { type Steps, withLines } from "./live-steps.ts";
import { LogSearch } from "./log-search.ts";
import { readLog } from "./log-source.ts";
import { LogView } from "./log-view.ts";

/** Within that many pixels of the end somebody reads the end. */
const endPx = 24;

export class LogReader {
  readonly lines = signal(0);
  readonly isFollowing = signal(true);
  /** Lines that came while somebody read further up. */
  readonly unseen = signal(0);
  readonly hasEnded = signal(false);
  readonly trouble = signal<string | null>(null);
  /** Of a build that runs. */
  readonly steps = signal<Steps>({});
  readonly found = signal({ count: 0, at: 0 });
  readonly #scroller: HTMLElement;
  readonly #view: LogView;
  readonly #search: LogSearch;
  readonly #gone = new AbortController();
  #marked: HTMLElement | null = null;
  /** Where to go once it is there. */
  #goal: (() => boolean) | null = null;
  #top = 0;
  #isLive = false;

  constructor(scroller: HTMLElement, lines: HTMLElement) {
    this.#scroller = scroller;
    this.#view = new LogView(lines);
    this.#search = new LogSearch(this.#view);
    this.#view.onGrown = (grown) => this.#onGrown(grown);
    scroller.addEventListener("scroll", () => this.#onScroll(), { passive: true });
  }

  /** Opens at the line of the address, else at the step that failed, else at the end of what still runs. */
  start(build: BuildView, onBuild: (build: BuildEntry) => void): void {
    const asked = lineOfAddress();
    if (asked !== null) this.#goal = () => this.goToLine(asked);
    else if (build.failure?.step?.number != null) this.#goal = () => this.#goToFailure(build);
    this.#isLive = build.result === null;
    this.isFollowing.value = this.#goal === null && this.#isLive;
    if (build.failure?.step?.number != null && asked === null) this.#view.openAll(false);
    const listener = {
      lastSeq: () => this.#view.lastSeq,
      onLines: (lines: readonly LineView[]) => this.#take(lines),
      onBuild,
      onEnd: () => this.#onEnd(),
      onTrouble: (message: string | null) => {
        this.trouble.value = message;
      },
    };
    void readLog(build.id, listener, this.#gone.signal);
  }

  stop(): void {
    this.#gone.abort();
    this.#view.close();
  }

  follow(): void {
    this.isFollowing.value = true;
    this.unseen.value = 0;
    this.#toEnd();
  }

  toStart(): void {
    this.isFollowing.value = false;
    this.#scroller.scrollTop = 0;
  }

  openAll(isOpen: boolean): void {
    this.#view.openAll(isOpen);
    if (this.isFollowing.value) this.#toEnd();
  }

  /** Whether there is such a line. */
  goToLine(seq: number): boolean {
    const row = this.#view.reveal(seq);
    if (row === null) return false;
    this.#show(row);
    this.#marked?.classList.remove("is-marked");
    row.classList.add("is-marked");
    this.#marked = row;
    return true;
  }

  goToStep(service: string | null, step: number): boolean {
    const fold = this.#view.openStep(service, step);
    if (fold === null) return false;
    this.isFollowing.value = false;
    this.#scroller.scrollTop += fold.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
    return true;
  }

  look(words: string): void {
    this.#search.look(words, this.#firstInSight());
    this.#tellFound();
    if (words !== "" && this.#search.found > 0) this.step(1);
  }

  step(by: 1 | -1): void {
    const seq = this.#search.step(by);
    if (seq === null) return;
    this.goToLine(seq);
    this.#search.mark();
    this.#tellFound();
  }

  /** The whole log as text. */
  text(): string {
    this.#view.flush();
    return `${this.#view.texts.join("\n")}\n`;
  }

  #take(lines: readonly LineView[]): void {
    this.#view.append(lines);
    if (this.#isLive) this.steps.value = withLines(this.steps.value, lines);
  }

  #goToFailure({ failure }: BuildView): boolean {
    const step = failure?.step?.number;
    if (step == null) return false;
    return this.goToStep(failure?.service ?? null, step);
  }

  #onGrown(grown: number): void {
    const before = this.#view.length - grown;
    this.lines.value = this.#view.length;
    this.#search.grow(before);
    this.#tellFound();
    if (this.#goal?.() === true && this.hasEnded.value) this.#goal = null;
    else if (this.isFollowing.value) this.#toEnd();
    else if (this.#goal === null && this.#isLive && !this.hasEnded.value) this.unseen.value += grown;
  }

  #onEnd(): void {
    this.#view.flush();
    this.hasEnded.value = true;
    this.#goal?.();
    this.#goal = null;
  }

  /** Who scrolls up reads; who scrolls to the end follows. */
  #onScroll(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const isAtEnd = scrollTop + clientHeight >= scrollHeight - endPx;
    if (isAtEnd) {
      this.unseen.value = 0;
      if (this.#isLive && !this.hasEnded.value) this.isFollowing.value = true;
    } else if (scrollTop < this.#top) {
      this.isFollowing.value = false;
      this.#goal = null;
    }
    this.#top = scrollTop;
  }

  #toEnd(): void {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#top = this.#scroller.scrollTop;
  }

  #show(row: HTMLElement): void {
    this.isFollowing.value = false;
    row.scrollIntoView({ block: "center" });
  }

  #firstInSight(): number {
    const box = this.#scroller.getBoundingClientRect();
    const there = document.elementFromPoint(box.left + 8, box.top + 60)?.closest<HTMLElement>(".line");
    return there === null || there === undefined ? 0 : Number(there.id.slice(1));
  }

  #tellFound(): void {
    this.found.value = { count: this.#search.found, at: this.#search.at };
  }
}

/** `#L120`. */
export function lineOfAddress(): number | null {
  const [, line] = /^#L(\d{1,9})$/.exec(location.hash) ?? [];
  return line === undefined ? null : Number(line);
}
