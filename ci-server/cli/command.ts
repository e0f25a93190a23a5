// What a command is: how it is written, what it is for, and where its work is done, which is loaded when it is asked for.

import type { Client } from "./client.ts";
import type { ProgramTree } from "./program-tree.ts";
import type { Terminal } from "./terminal.ts";

export interface CommandOption {
  /** As commander takes them: `--limit <n>`, `-q, --quiet`. */
  readonly flags: string;
  readonly about: string;
  readonly choices?: readonly string[];
  readonly default?: string;
  /** A whole number from here on; absent: text. */
  readonly min?: number;
  /** May be given several times. */
  readonly several?: true;
}

export interface CommandArgument {
  readonly about: string;
  readonly choices?: readonly string[];
}

export interface Command {
  /** `build <service> <version>`. */
  readonly usage: string;
  readonly about: string;
  /** More, after the examples. */
  readonly more?: string;
  /** What is typed after `mergedock`, and what for. */
  readonly examples: readonly (readonly [string, string])[];
  /** In the order of the usage. */
  readonly arguments?: readonly CommandArgument[];
  readonly options?: readonly CommandOption[];
  /** Whether a server is asked: then it takes --server and --token-file. */
  readonly asksServer?: true;
  /** Whether it ends by itself on SIGINT. */
  readonly handlesSignals?: true;
  readonly load: () => Promise<{ readonly run: Run }>;
}

/** `token` of `token create`. */
export interface CommandGroup {
  readonly usage: string;
  readonly about: string;
  readonly commands: readonly Command[];
}

/** Returns the exit code. Throws AppError. */
export type Run = (context: Context, input: Input) => Promise<number>;

export interface Context {
  readonly stdout: Terminal;
  readonly stderr: Terminal;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where it was started. */
  readonly folder: string;
  /** Of the server that is meant. Throws `invalid` where nobody knows which one, or with which token. */
  readonly client: () => Promise<Client>;
  /** All that may be typed. */
  readonly program: () => ProgramTree;
  /** What is still to be said or put back when SIGINT ends the program; the last one counts. */
  atInterrupt(work: () => void): void;
}

/** What was typed, as commander has read it. */
export interface Input {
  readonly args: readonly string[];
  readonly options: Readonly<Record<string, unknown>>;
}

export function textOption({ options }: Input, name: string): string | null {
  const value = options[name];
  return typeof value === "string" ? value : null;
}

export function numberOption({ options }: Input, name: string): number | null {
  const value = options[name];
  return typeof value === "number" ? value : null;
}

export function textsOption({ options }: Input, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === "string") : [];
}

export function hasOption({ options }: Input, name: string): boolean {
  return options[name] === true;
}
