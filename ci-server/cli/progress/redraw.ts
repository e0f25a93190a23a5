// Draws a picture over the one before it. Source: ECMA-48, CUU and EL; DECTCEM hides the cursor.

import type { Terminal } from "../terminal.ts";

const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";

export class Redraw {
  readonly #terminal: Terminal;
  #drawn = 0;

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  /** None of the lines is wider than the terminal. */
  draw(lines: readonly string[]): void {
    const up = this.#drawn === 0 ? hideCursor : `\u001b[${this.#drawn}A\r`;
    const text = lines.map((line) => `${line}\u001b[K\n`).join("");
    // What was there below the last line goes.
    this.#terminal.write(`${up}${text}\u001b[J`);
    this.#drawn = lines.length;
  }

  /** Leaves the picture where it is and gives the cursor back. */
  end(): void {
    if (this.#drawn > 0) this.#terminal.write(showCursor);
    this.#drawn = 0;
  }
}
