// A table that fits the terminal: the column that may shrink gives what is too much.

import { cut, padEnd, plain, widthOf } from "./text.ts";

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string;
  /** At least so many columns stay of it where there is too little room; absent: it is never cut. */
  readonly shrinksTo?: number;
  /** Left out where there is no room for all, the last one first. */
  readonly spare?: true;
}

const gap = "  ";

/** Lines with their ends. What the values hold of control characters is taken out. */
export function toTable<T>(rows: readonly T[], columns: readonly Column<T>[], columnsMax: number): string {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map(({ value }) => plain(value(row)))),
  ];
  const widths = columns.map((_column, index) => Math.max(...cells.map((line) => widthOf(line[index] ?? ""))));
  shrink(columns, widths, columnsMax);
  const last = columns.findLastIndex(({ spare }) => spare);
  if (sumOf(widths) > columnsMax && last >= 0) return toTable(rows, columns.toSpliced(last, 1), columnsMax);
  return cells.map((line) => `${cut(toLine(line, widths), columnsMax)}\n`).join("");
}

function sumOf(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + width, gap.length * (widths.length - 1));
}

/** The widest of those that may, again and again. */
function shrink<T>(columns: readonly Column<T>[], widths: number[], columnsMax: number): void {
  while (sumOf(widths) > columnsMax) {
    const [widest] = columns
      .map(({ shrinksTo }, index) => ({ index, room: (widths[index] ?? 0) - (shrinksTo ?? Number.POSITIVE_INFINITY) }))
      .filter(({ room }) => room > 0)
      .sort((a, b) => b.room - a.room);
    if (widest === undefined) return;
    widths[widest.index] = (widths[widest.index] ?? 0) - 1;
  }
}

function toLine(line: readonly string[], widths: readonly number[]): string {
  return line
    .map((text, index) => padEnd(cut(text, widths[index] ?? 0), widths[index] ?? 0))
    .join(gap)
    .trimEnd();
}
