// Cuts what a process prints into its lines, however it comes in pieces.

import { StringDecoder } from "node:string_decoder";

/** Of one line; what comes after is dropped until the line ends, so that output without line ends cannot fill the memory. */
const charsMax = 64 * 1024;

export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";

  /** The lines that these bytes end. */
  write(bytes: Buffer): string[] {
    const lines = (this.#rest + this.#decoder.write(bytes)).split(/\r?\n/);
    this.#rest = (lines.pop() ?? "").slice(0, charsMax);
    return lines.map((line) => line.slice(0, charsMax));
  }

  /** What was begun and not ended, once. */
  rest(): string[] {
    const rest = this.#rest + this.#decoder.end();
    this.#rest = "";
    return rest === "" ? [] : [rest];
  }
}
