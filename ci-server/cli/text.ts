// Text for a terminal: what strangers wrote without control characters, and as wide as there is room.

import { safeLine, takeColours } from "../core/ansi.ts";

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
/** What takes two columns. Source: Unicode Standard Annex 11, wide and fullwidth, in broad ranges. */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|^\p{Emoji_Presentation}/u;
const mark = /^[\p{Mark}\u200b-\u200d\ufeff]+$/u;

/** One line without colours and control characters: a title, a name, a message. */
export function plain(text: string): string {
  return takeColours(safeLine(text.replaceAll(/[\r\n\t\u2028\u2029]+/g, " "))).plain;
}

/** A line of a log; its colours stay where they may be shown. */
export function logText(text: string, hasColours: boolean): string {
  const safe = safeLine(text);
  return hasColours ? safe : takeColours(safe).plain;
}

/** In columns; the text has no control characters. */
export function widthOf(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of segmenter.segment(text)) width += widthOfOne(segment);
  return width;
}

function widthOfOne(segment: string): number {
  if (mark.test(segment)) return 0;
  return wide.test(segment) ? 2 : 1;
}

/** At most so many columns, with `…` where something was cut. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const { segment } of segmenter.segment(text)) {
    width += widthOfOne(segment);
    if (width > columns) break;
    kept += segment;
  }
  return columns < 1 ? "" : `${kept}…`;
}

export function padEnd(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}
