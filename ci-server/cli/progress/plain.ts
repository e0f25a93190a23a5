// Progress as lines that stay: `#5 [2/3] RUN npm ci`, `#5 0.312 text`, `#5 DONE 1.2s`, `#4 CACHED`. Source: docker buildx, --progress=plain.

import { paint, type Terminal } from "../terminal.ts";
import { logText, plain } from "../text.ts";
import type { ProgressEvent, ProgressStep } from "./steps.ts";

type Look = Pick<Terminal, "hasColours">;

/** With its line's end. */
export function toPlainLine(event: ProgressEvent, look: Look): string {
  const { number, name, startedMs } = event.step;
  if (event.kind !== "line")
    return event.kind === "begin"
      ? `#${number} ${paint(look, "bold", plain(name))}\n`
      : `#${number} ${endText(event.step, look)}\n`;
  const seconds = Math.max(0, (event.atMs - startedMs) / 1000).toFixed(3);
  return `#${number} ${seconds} ${logText(event.text, look.hasColours)}\n`;
}

function endText({ outcome, startedMs, endedMs, problem }: ProgressStep, look: Look): string {
  if (outcome === "cached") return paint(look, "blue", "CACHED");
  if (outcome === "error") return paint(look, "red", `ERROR ${plain(problem ?? "")}`.trimEnd());
  return `DONE ${secondsOf(startedMs, endedMs ?? startedMs)}`;
}

function secondsOf(fromMs: number, toMs: number): string {
  return `${Math.max(0, (toMs - fromMs) / 1000).toFixed(1)}s`;
}
