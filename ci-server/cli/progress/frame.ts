// One picture of a build that runs, as lines of a terminal: `[+] Building 12.3s (5/9)`, then a line for each step.

import { type Colour, paint } from "../terminal.ts";
import { cut, padEnd, plain, widthOf } from "../text.ts";
import type { ProgressStep } from "./steps.ts";

/** Of the step that runs: what it has printed last. */
export const tailLines = 4;

export interface FrameRequest {
  readonly steps: readonly ProgressStep[];
  /** By a step's number. */
  readonly tails: ReadonlyMap<number, readonly string[]>;
  /** Null while it runs. */
  readonly result: string | null;
  readonly title: string;
  readonly elapsedMs: number;
  /** The server's time, as well as it is known. */
  readonly nowMs: number;
  readonly columns: number;
  readonly rows: number;
  readonly hasColours: boolean;
}

const colours: Readonly<Record<ProgressStep["outcome"], Colour | null>> = {
  running: null,
  done: "blue",
  cached: "blue",
  error: "red",
};

/** Lines without their ends, none wider than the terminal; while it runs no more of them than there are rows. */
export function toFrame(request: FrameRequest): string[] {
  const { steps, result, columns, rows } = request;
  const body = steps.flatMap((step) => [stepLine(request, step), ...tailOf(request, step)]);
  // The last row is the cursor's.
  const room = result === null ? Math.max(1, rows - 2) : body.length;
  const shown = body.length > room ? body.slice(body.length - room) : body;
  return [cut(headOf(request), columns - 1), ...shown];
}

function headOf({ steps, result, title, elapsedMs }: FrameRequest): string {
  const ended = steps.filter(({ outcome }) => outcome !== "running").length;
  const state = result === null ? "" : ` ${result === "success" ? "FINISHED" : result.toUpperCase()}`;
  return `[+] Building ${(elapsedMs / 1000).toFixed(1)}s (${ended}/${steps.length})${state}${title === "" ? "" : `  ${plain(title)}`}`;
}

function stepLine({ nowMs, columns, hasColours }: FrameRequest, step: ProgressStep): string {
  const { name, outcome, startedMs, endedMs } = step;
  const time = `${Math.max(0, ((endedMs ?? nowMs) - startedMs) / 1000).toFixed(1)}s`;
  const mark = { running: "=>", done: "=>", cached: "=> CACHED", error: "=> ERROR" }[outcome];
  const room = columns - 2 - widthOf(time);
  const text = padEnd(cut(` ${mark} ${plain(name)}`, room), room);
  const colour = colours[outcome];
  return colour === null ? `${text} ${time}` : paint({ hasColours }, colour, `${text} ${time}`);
}

function tailOf({ tails, columns, hasColours }: FrameRequest, { number, outcome }: ProgressStep): string[] {
  if (outcome !== "running") return [];
  const lines = tails.get(number) ?? [];
  return lines.map((line) => paint({ hasColours }, "grey", cut(` => => # ${plain(line)}`, columns - 1)));
}
