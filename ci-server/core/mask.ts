// Hides secrets in what a build says: as they are, line by line where they have several, percent-encoded, escaped as in JSON,
// and in base64 of either alphabet, wherever in it and however it is wrapped.

import { takeColours } from "./ansi.ts";
import { Needles } from "./needles.ts";

/** A shorter value would be found in every other word. */
export const secretCharsMin = 4;
/** Of a secret that has several lines: a brace alone on its line says nothing. */
const lineCharsMin = 8;
/** So much of a secret's beginning at a line's end is hidden: its rest may stand on the next line. */
const endCharsMin = 12;
const endBytesMin = 8;

const mask = "***";

/** Both alphabets of RFC 4648: the value of each code unit, -1 of those that are none of base64's. */
const base64Values = new Int8Array(128).fill(-1);
for (const [value, letter] of [..."ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"].entries())
  base64Values[letter.charCodeAt(0)] = value;
base64Values["-".charCodeAt(0)] = 62;
base64Values["_".charCodeAt(0)] = 63;

/** What was seen at the end of a source's last line: the state of the text, and of its base64 read from each of four letters on. */
interface Seen {
  text: number;
  readonly decoded: [number, number, number, number];
  /** The last letter's value, -1 where the line ended without one; how many letters there were in a row. */
  letter: number;
  letters: number;
}

type Range = [start: number, end: number];

export class Masker {
  readonly #values = new Set<string>();
  #needles = new Needles([]);
  /** By source; one that has seen nothing is not kept. */
  readonly #seen = new Map<string, Seen>();

  /** Hides these too from now on. Returns how many of them are too short for that. */
  hide(values: Iterable<string>): number {
    const given = [...values].map((value) => value.trim()).filter((value) => value !== "");
    const long = given.filter((value) => value.length >= secretCharsMin);
    const before = this.#values.size;
    for (const value of long) this.#values.add(value);
    if (this.#values.size > before) {
      this.#needles = new Needles([...this.#values].flatMap((value) => [...toNeedles(value)]));
      // The states of the needles before mean something else now.
      this.#seen.clear();
    }
    return given.length - long.length;
  }

  /** One line without control characters but colours. A source's lines are to be given in their order. */
  line(source: string, text: string): string {
    if (this.#needles.isEmpty) return text;
    const seen = this.#seen.get(source) ?? nothingSeen();
    const { plain, codes } = takeColours(text);
    const ranges = [...this.#inText(plain, seen), ...this.#inBase64(plain, seen)];
    if (seen.text === 0 && seen.letter < 0) this.#seen.delete(source);
    else this.#seen.set(source, seen);
    return ranges.length === 0 ? text : write(plain, codes, merge(ranges));
  }

  /** Any text, as if it stood alone. */
  text(text: string): string {
    const lines = text.split("\n").map((line) => this.line("", line));
    this.#seen.delete("");
    return lines.join("\n");
  }

  #inText(plain: string, seen: Seen): Range[] {
    const ranges: Range[] = [];
    let state = seen.text;
    for (let index = 0; index < plain.length; index += 1) {
      state = this.#needles.next(state, plain.charCodeAt(index));
      const chars = this.#needles.ending(state);
      if (chars > 0) ranges.push([index + 1 - chars, index + 1]);
    }
    const chars = this.#needles.depth(state);
    if (chars >= endCharsMin) ranges.push([plain.length - chars, plain.length]);
    seen.text = state;
    return ranges;
  }

  /** Whatever letters of base64 stand together are decoded from each of four letters on: one of them is where it was encoded from. */
  #inBase64(plain: string, seen: Seen): Range[] {
    const ranges: Range[] = [];
    const { decoded } = seen;
    // A wrapped text may be indented.
    const start = plain.length - plain.trimStart().length;
    for (let index = start; index < plain.length; index += 1) {
      const value = base64Values[plain.charCodeAt(index)] ?? -1;
      const before = seen.letter;
      seen.letter = value;
      seen.letters = value < 0 ? 0 : seen.letters + 1;
      if (value < 0) decoded.fill(0);
      if (value < 0 || before < 0) continue;
      for (let from = 0; from < 4; from += 1) {
        const place = (seen.letters - from) & 3;
        // The first of four letters completes no byte.
        if (place === 0) continue;
        const state = this.#needles.next(decoded[from] ?? 0, toByte(before, value, place));
        decoded[from] = state;
        const bytes = this.#needles.ending(state);
        if (bytes > 0) ranges.push([index + 1 - lettersOf(bytes, place), index + 1]);
      }
    }
    return [...ranges, ...this.#atEnd(plain, seen)];
  }

  /** Of a base64 that may go on with the next line. */
  #atEnd(plain: string, { decoded, letter, letters }: Seen): Range[] {
    if (letter < 0) return [];
    return decoded.flatMap((state, from): Range[] => {
      const bytes = this.#needles.depth(state);
      if (bytes < endBytesMin) return [];
      const place = (letters - from) & 3;
      const count = place === 0 ? 1 + lettersOf(bytes, 3) : lettersOf(bytes, place);
      return [[plain.length - count, plain.length]];
    });
  }
}

function nothingSeen(): Seen {
  return { text: 0, decoded: [0, 0, 0, 0], letter: -1, letters: 0 };
}

/** `place`: of the second letter among its four. */
function toByte(before: number, value: number, place: number): number {
  return ((before << (2 * place)) | (value >> (6 - 2 * place))) & 255;
}

/** How many letters hold any of the bits of so many bytes, the last of which is completed by the letter at this place of four. */
function lettersOf(bytes: number, place: number): number {
  return 1 + Math.ceil((8 * bytes - 2 * place) / 6);
}

/** What a value may look like, as text and, for what is decoded, as bytes that stand for the code units below 256. */
function* toNeedles(value: string): Generator<string> {
  const lines = value.split(/\r\n|\r|\n/).map((line) => line.trim());
  const told = lines.length === 1 ? lines : lines.filter((line) => line.length >= lineCharsMin);
  for (const line of told) {
    yield* [line, toBytes(line), JSON.stringify(line).slice(1, -1)];
    yield* percentEncoded(line);
  }
  if (lines.length > 1) yield toBytes(value);
}

/** As encodeURIComponent does, in small letters too, with a plus for a blank, and with the few that it leaves as they are. */
function* percentEncoded(line: string): Generator<string> {
  const usual = encodeURIComponent(line.toWellFormed());
  const strict = usual.replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
  for (const text of [usual, strict]) {
    yield* [text, text.replaceAll("%20", "+")];
    const small = text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
    yield* [small, small.replaceAll("%20", "+")];
  }
}

function toBytes(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join("");
}

/** In their order, those that overlap or touch as one. */
function merge(ranges: readonly Range[]): Range[] {
  const merged: Range[] = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = merged.at(-1);
    if (last !== undefined && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged;
}

/** The colours stay, those within what is hidden right after it. A range may begin on the line before. */
function write(plain: string, codes: readonly { at: number; code: string }[], ranges: readonly Range[]): string {
  const pieces: string[] = [];
  let at = 0;
  let next = 0;
  const copy = (end: number, isHidden: boolean) => {
    for (let found = codes[next]; found !== undefined; found = codes[next]) {
      if (found.at > end || (isHidden && found.at === end)) break;
      if (!isHidden) pieces.push(plain.slice(at, found.at));
      pieces.push(found.code);
      at = found.at;
      next += 1;
    }
    if (!isHidden) pieces.push(plain.slice(at, end));
    at = end;
  };
  for (const [start, end] of ranges) {
    copy(Math.max(start, 0), false);
    pieces.push(mask);
    copy(end, true);
  }
  copy(plain.length, false);
  return pieces.join("");
}
