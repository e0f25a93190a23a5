// Finds the lines of a Dockerfile that are no instruction here and would be one to a reader that takes here-documents, or
// blanks, otherwise.

import type { Written } from "../core/dockerfile.ts";

/**
 * `begun`: the lines, from 1, that instructions begin on. Of the lines that an escape makes one, what follows the first ADD
 * holds what follows a further ADD, and so for COPY and RUN: it is said once, so that the time grows with the file's length only.
 */
export function findLookalikes(text: string, escapeChar: string, begun: ReadonlySet<number>): Written[] {
  const lines = text.split(/\r?\n/);
  const found: Written[] = [];
  for (let at = 0; at < lines.length; ) {
    const end = endOfJoined(lines, at, escapeChar);
    const seen = new Set<string>();
    for (const start of startsIn(lines, at, end, begun)) {
      const { line, keyword } = start;
      if (keyword !== "FROM" && seen.has(keyword)) continue;
      seen.add(keyword);
      found.push({ text: join(lines.slice(line, keyword === "FROM" ? start.end : end), escapeChar), line: line + 1 });
    }
    at = end;
  }
  return found;
}

/** `end`: behind the next FROM, since FROM says its image in its first word. */
interface Start {
  readonly line: number;
  readonly keyword: string;
  readonly end: number;
}

/** In the lines' order. */
function startsIn(lines: readonly string[], from: number, to: number, begun: ReadonlySet<number>): Start[] {
  const starts: Start[] = [];
  let end = to;
  for (let line = to - 1; line >= from; line -= 1) {
    const keyword = /^\s*(FROM|ADD|COPY|RUN)\s/i.exec(lines[line] ?? "")?.[1]?.toUpperCase();
    if (keyword === undefined) continue;
    if (!begun.has(line + 1)) starts.push({ line, keyword, end });
    if (keyword === "FROM") end = line + 1;
  }
  return starts.reverse();
}

/** Behind the last line of those that the escape makes one; empty lines and comments between them end nothing. */
function endOfJoined(lines: readonly string[], from: number, escapeChar: string): number {
  for (let at = from; at < lines.length; at += 1) {
    const line = (lines[at] ?? "").trimEnd();
    if (!line.endsWith(escapeChar) && (at === from || !isSkipped(line))) return at + 1;
  }
  return lines.length;
}

function join(lines: readonly string[], escapeChar: string): string {
  return lines
    .map((line) => line.trimEnd())
    .filter((line, index) => index === 0 || !isSkipped(line))
    .map((line) => (line.endsWith(escapeChar) ? line.slice(0, -1) : line))
    .join("")
    .trim();
}

function isSkipped(line: string): boolean {
  return /^\s*(?:#|$)/.test(line);
}
