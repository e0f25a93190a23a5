// Where output goes, and what may be done there: colours and redrawing on a terminal alone, and nowhere under NO_COLOR.

/** The part of node:tty's streams that is used. */
export interface OutputStream {
  write(text: string): boolean;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface Terminal {
  readonly isTty: boolean;
  readonly hasColours: boolean;
  /** Infinity where output is no terminal's: nothing is cut then. */
  readonly columns: () => number;
  readonly rows: () => number;
  write(text: string): void;
}

/** Source of NO_COLOR: no-color.org, any value but an empty one. */
export function createTerminal(stream: OutputStream, env: Readonly<Record<string, string | undefined>>): Terminal {
  const isTty = stream.isTTY === true && env.TERM !== "dumb";
  return {
    isTty,
    hasColours: isTty && !env.NO_COLOR,
    columns: () => (stream.isTTY === true ? (stream.columns ?? 80) : Number.POSITIVE_INFINITY),
    rows: () => stream.rows ?? 24,
    write(text) {
      stream.write(text);
    },
  };
}

const codes = { red: 31, green: 32, yellow: 33, blue: 34, grey: 90, bold: 1 } as const;
export type Colour = keyof typeof codes;

export function paint({ hasColours }: Pick<Terminal, "hasColours">, colour: Colour, text: string): string {
  return hasColours ? `\u001b[${codes[colour]}m${text}\u001b[0m` : text;
}
