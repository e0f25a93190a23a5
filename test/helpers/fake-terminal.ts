// A terminal that keeps what is written to it.

import { createTerminal, type Terminal } from "../../ci-server/cli/terminal.ts";

export interface KeptTerminal extends Terminal {
  readonly text: () => string;
}

export interface TerminalSize {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export function keptTerminal(size: TerminalSize = {}, env: Readonly<Record<string, string>> = {}): KeptTerminal {
  let kept = "";
  const write = (text: string) => {
    kept += text;
    return true;
  };
  return { ...createTerminal({ write, ...size }, env), text: () => kept };
}
