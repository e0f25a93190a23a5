// Makes lines of the pieces in which a program's output comes; a line without an end does not grow for ever.

import { StringDecoder } from "node:string_decoder";

/** Of a longer line the rest is left out. */
const charsMax = 32_768;

export class LineBuffer {
  readonly #decoder = new StringDecoder("utf8");
  #partial = "";

  /** The lines that this piece ends. */
  feed(bytes: Uint8Array): string[] {
    // The same bytes, not a copy of them.
    const piece = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const lines = this.#decoder.write(piece).split("\n");
    lines[0] = join(this.#partial, lines[0] ?? "");
    this.#partial = lines.pop() ?? "";
    return lines.map(withoutReturn);
  }

  /** What stands there without a line end; null when there is nothing. */
  end(): string | null {
    const rest = withoutReturn(join(this.#partial, this.#decoder.end()));
    this.#partial = "";
    return rest === "" ? null : rest;
  }
}

/** A line that is written over again and again, as a progress bar, is long without being so: its last states are kept. */
function join(partial: string, piece: string): string {
  if (partial.length === charsMax && !piece.includes("\r")) return partial;
  const line = partial + piece;
  if (line.length <= charsMax) return line;
  const last = line.lastIndexOf("\r", line.length - 2);
  const start = last < 0 ? -1 : line.lastIndexOf("\r", last - 1);
  return line.slice(start + 1, start + 1 + charsMax);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
