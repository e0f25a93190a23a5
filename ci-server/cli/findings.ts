// What a doctor finds, and how it says so.

import { type Colour, paint, type Terminal } from "./terminal.ts";
import { padEnd, plain } from "./text.ts";

export interface Finding {
  /** `engine`; of a server's own checks `server: engine`. */
  readonly name: string;
  readonly level: "ok" | "warning" | "failure";
  readonly detail: string;
  /** What to do; null where nothing is to be done. */
  readonly fix: string | null;
}

const marks: Readonly<Record<Finding["level"], readonly [string, Colour]>> = {
  ok: ["✓", "green"],
  warning: ["!", "yellow"],
  failure: ["✗", "red"],
};

export function ok(name: string, detail: string): Finding {
  return { name, level: "ok", detail, fix: null };
}

export function warning(name: string, detail: string, fix: string): Finding {
  return { name, level: "warning", detail, fix };
}

export function failure(name: string, detail: string, fix: string): Finding {
  return { name, level: "failure", detail, fix };
}

export function findingsText(findings: readonly Finding[], look: Pick<Terminal, "hasColours">): string {
  const width = Math.max(0, ...findings.map(({ name }) => plain(name).length));
  return findings
    .map(({ name, level, detail, fix }) => {
      const [mark, colour] = marks[level];
      const lines = detail.split("\n").map(plain);
      const more = [...lines.slice(1), ...(fix === null ? [] : fix.split("\n").map((line) => `-> ${plain(line)}`))];
      const head = `${paint(look, colour, mark)} ${padEnd(plain(name), width)}  ${lines[0] ?? ""}\n`;
      return head + more.map((line) => `${" ".repeat(width + 4)}${line}\n`).join("");
    })
    .join("");
}
