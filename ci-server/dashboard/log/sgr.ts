// Splits a line by its colours (SGR: ECMA-48, 8.3.117); whatever else looks like a control sequence is dropped.

export interface Span {
  readonly text: string;
  /** Class names, with a blank between them; empty where the text is plain. */
  readonly style: string;
}

interface Style {
  readonly colour: string;
  readonly background: string;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
}

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];
const plain: Style = { colour: "", background: "", bold: false, dim: false, italic: false, underline: false };
/** What core/ansi.ts lets through, and, should something else ever come, what a terminal would not print. */
const sequences = new RegExp(
  [
    String.raw`\u001b\[([0-9;:]*)m`,
    String.raw`\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?`,
    String.raw`\u001b(?:\[[0-?]*[ -/]*[@-~]?|[ -~])?`,
  ].join("|"),
  "g",
);

export function spansOf(line: string): readonly Span[] {
  if (!line.includes("\u001b")) return [{ text: line, style: "" }];
  const spans: Span[] = [];
  let style = plain;
  let from = 0;
  for (const match of line.matchAll(sequences)) {
    add(spans, line.slice(from, match.index), style);
    from = match.index + match[0].length;
    if (match[1] !== undefined) style = after(style, match[1]);
  }
  add(spans, line.slice(from), style);
  return spans;
}

export function plainText(line: string): string {
  return line.includes("\u001b") ? line.replace(sequences, "") : line;
}

function add(spans: Span[], text: string, style: Style): void {
  if (text !== "") spans.push({ text, style: classes(style) });
}

function classes({ colour, background, ...marks }: Style): string {
  const set = Object.entries(marks).flatMap(([name, isSet]) => (isSet ? [`sgr-${name}`] : []));
  if (colour !== "") set.push(`sgr-${colour}`);
  if (background !== "") set.push(`sgr-on-${background}`);
  return set.join(" ");
}

function after(before: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  let style = before;
  for (let index = 0; index < codes.length; index += 1) {
    const code = codes[index] ?? 0;
    if (code === 38 || code === 48) {
      const [taken, name] = extended(codes.slice(index + 1));
      style = code === 38 ? { ...style, colour: name } : { ...style, background: name };
      index += taken;
    } else style = apply(style, code);
  }
  return style;
}

/** 256 colours and RGB are brought to the nearest of sixteen names, which fit a light and a dark page alike. */
function extended([kind, ...rest]: readonly number[]): [taken: number, name: string] {
  if (kind === 5) return [2, indexed(rest[0] ?? 0)];
  if (kind === 2) return [4, nearest(rest[0] ?? 0, rest[1] ?? 0, rest[2] ?? 0)];
  return [1, ""];
}

function indexed(index: number): string {
  if (index < 16) return named(index);
  if (index >= 232) return index < 244 ? "bright-black" : "white";
  const cube = index - 16;
  const level = (value: number) => (value % 6) * 51;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6)), level(cube));
}

function nearest(red: number, green: number, blue: number): string {
  const most = Math.max(red, green, blue);
  if (most < 64) return "black";
  const bits = [red, green, blue].map((value) => value > most / 2);
  const index = (bits[0] ? 1 : 0) + (bits[1] ? 2 : 0) + (bits[2] ? 4 : 0);
  return named(index + (most > 200 ? 8 : 0));
}

function named(index: number): string {
  const name = names[index % 8] ?? "";
  return index < 8 ? name : `bright-${name}`;
}

function apply(style: Style, code: number): Style {
  if (code === 0) return plain;
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 23) return { ...style, italic: false };
  if (code === 24) return { ...style, underline: false };
  if (code === 39) return { ...style, colour: "" };
  if (code === 49) return { ...style, background: "" };
  if (code >= 30 && code < 38) return { ...style, colour: named(code - 30) };
  if (code >= 90 && code < 98) return { ...style, colour: named(code - 90 + 8) };
  if (code >= 40 && code < 48) return { ...style, background: named(code - 40) };
  if (code >= 100 && code < 108) return { ...style, background: named(code - 100 + 8) };
  return style;
}
