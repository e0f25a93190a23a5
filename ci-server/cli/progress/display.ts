// Shows a build as it goes on: redrawn on a terminal, as lines elsewhere, as JSON for programs, or not at all.

import type { LogEntry } from "../follow-log.ts";
import type { Terminal } from "../terminal.ts";
import { plain } from "../text.ts";
import type { BuildView } from "../views.ts";
import { failureBlock } from "./failure-block.ts";
import { tailLines, toFrame } from "./frame.ts";
import { toPlainLine } from "./plain.ts";
import { Redraw } from "./redraw.ts";
import { type ProgressEvent, ProgressSteps } from "./steps.ts";

export const progressKinds = ["auto", "plain", "tty", "quiet", "rawjson"] as const;
export type ProgressKind = (typeof progressKinds)[number];

export interface Display {
  /** As it is found: once, and again when it is known what it makes. */
  found(view: BuildView, answer: unknown): void;
  /** As it has ended, after its last line. */
  ended(view: BuildView, answer: unknown): void;
  line(entry: LogEntry): void;
  /** Something of this program's own, such as a connection that broke. */
  say(message: string): void;
  /** What is drawn stays. */
  stop(): void;
}

export interface DisplayOptions {
  readonly kind: ProgressKind;
  readonly terminal: Terminal;
  /** Where `rawjson` goes: it is data. */
  readonly data: Terminal;
  readonly now: () => number;
}

const redrawMs = 100;

export function createDisplay(options: DisplayOptions): Display {
  const { kind, terminal, data } = options;
  if (kind === "quiet") return { found() {}, ended() {}, line() {}, say() {}, stop() {} };
  if (kind === "rawjson") return rawJson(data);
  return kind === "tty" || (kind === "auto" && terminal.isTty) ? redrawn(options) : lines(options);
}

function rawJson(data: Terminal): Display {
  const build = (_view: BuildView, answer: unknown) => data.write(`${JSON.stringify({ build: answer })}\n`);
  return {
    found: build,
    ended: build,
    line: ({ raw }) => data.write(`${raw}\n`),
    say() {},
    stop() {},
  };
}

function lines({ terminal, now }: DisplayOptions): Display {
  let images = 1;
  const steps = new ProgressSteps(() => images > 1);
  const show = (events: readonly ProgressEvent[]) => {
    for (const event of events) terminal.write(toPlainLine(event, terminal));
  };
  return {
    found(view) {
      images = countImages(view);
    },
    ended(view) {
      show(steps.finish(view.result, endOf(view, now())));
    },
    line: (entry) => show(steps.read(entry)),
    say: (message) => terminal.write(`mergedock: ${plain(message)}\n`),
    stop() {},
  };
}

function redrawn({ terminal, now }: DisplayOptions): Display {
  let images = 1;
  let current: BuildView | null = null;
  let note = "";
  // The server's clock less ours, as its youngest line tells.
  let ahead = Number.NEGATIVE_INFINITY;
  const tails = new Map<number, readonly string[]>();
  const steps = new ProgressSteps(() => images > 1);
  const screen = new Redraw(terminal);
  const draw = () => {
    const nowMs = now() + (Number.isFinite(ahead) ? ahead : 0);
    const begunMs = Date.parse(current?.startedAt ?? "") || steps.list[0]?.startedMs || nowMs;
    const endedMs = Date.parse(current?.finishedAt ?? "") || nowMs;
    const state = { steps: steps.list, tails, result: current?.result ?? null, title: note };
    const times = { nowMs, elapsedMs: Math.max(0, endedMs - begunMs) };
    const look = { columns: terminal.columns(), rows: terminal.rows(), hasColours: terminal.hasColours };
    screen.draw(toFrame({ ...state, ...times, ...look }));
  };
  const timer = setInterval(draw, redrawMs);
  const take = (events: readonly ProgressEvent[]) => {
    for (const event of events) {
      const { number } = event.step;
      if (event.kind === "line") tails.set(number, [...(tails.get(number) ?? []), event.text].slice(-tailLines));
    }
  };
  const stop = () => {
    clearInterval(timer);
    screen.end();
  };
  return {
    found(view) {
      images = countImages(view);
      current = { ...view, result: null };
    },
    ended(view) {
      current = view;
      take(steps.finish(view.result, endOf(view, now())));
      draw();
      stop();
      terminal.write(failureBlock(view.failure, terminal));
    },
    line(entry) {
      ahead = Math.max(ahead, Date.parse(entry.at) - now());
      note = "";
      take(steps.read(entry));
    },
    say(message) {
      note = message;
    },
    stop,
  };
}

function countImages({ plan }: BuildView): number {
  return plan?.filter(({ verdict }) => verdict === "build").length ?? 1;
}

function endOf({ finishedAt }: BuildView, nowMs: number): number {
  return Date.parse(finishedAt ?? "") || nowMs;
}
