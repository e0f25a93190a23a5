// Makes commander's tree of the commands, each with help that begins with examples, and says of a typo what was meant.

import { Argument, Command as Commander, CommanderError, InvalidArgumentError, Option } from "commander";
import { suggestion } from "../core/closest-word.ts";
import { AppError } from "../core/errors.ts";
import type { Command, CommandGroup, CommandOption, Input } from "./command.ts";
import { exitCodesText } from "./exit-codes.ts";
import { fullName, usageOf } from "./program-tree.ts";

export interface ProgramOptions {
  readonly commands: readonly (Command | CommandGroup)[];
  readonly version: string;
  /** How wide help may be. */
  readonly columns: number;
  /** Does what was asked for. */
  readonly perform: (command: Command, input: Input) => Promise<void>;
}

const serverOptions: readonly CommandOption[] = [
  { flags: "--server <url>", about: "where the server is; else MERGEDOCK_SERVER, else listen.api of mergedock.yml" },
  {
    flags: "--token-file <file>",
    about: "a file with the token; else MERGEDOCK_TOKEN, MERGEDOCK_TOKEN_FILE, else state/",
  },
];

const rootExamples: Command["examples"] = [
  ["serve", "start the server that mergedock.yml describes"],
  ["build shop 1.4.2 --ref v1.4.2 --follow", "build an image by hand and watch it"],
  ["builds", "what was built, and what came of it"],
  ["explain 42", "why pull request #42 was built, or was not"],
  ["doctor", "what does not work, and how to mend it"],
];

/** Its parseAsync() throws what `usageError` knows to say. */
export function createProgram(options: ProgramOptions): Commander {
  const root = new Commander("mergedock").description("Merge a pull request, get an image.").version(options.version);
  prepare(root, options.columns);
  root.addHelpText("before", examplesText(rootExamples)).addHelpText("after", `\nExit codes:\n${exitCodesText}\n`);
  for (const one of options.commands) {
    if (!("commands" in one)) addCommand(root, one, options);
    else {
      const group = root.command(one.usage).description(one.about);
      prepare(group, options.columns);
      const examples = one.commands.flatMap((command) => command.examples.slice(0, 1));
      group.addHelpText("before", examplesText(examples));
      for (const command of one.commands) addCommand(group, command, options);
    }
  }
  return root;
}

function addCommand(parent: Commander, command: Command, { columns, perform }: ProgramOptions): void {
  const [name = "", ...words] = command.usage.split(" ");
  const made = parent.command(name).description(command.about);
  prepare(made, columns);
  for (const [index, word] of words.entries()) {
    const { about, choices } = command.arguments?.[index] ?? { about: "" };
    const argument = new Argument(word, about);
    made.addArgument(choices === undefined ? argument : argument.choices(choices));
  }
  for (const option of [...(command.options ?? []), ...(command.asksServer ? serverOptions : [])])
    made.addOption(toOption(option));
  made.addHelpText("before", examplesText(command.examples));
  if (command.more !== undefined) made.addHelpText("after", `\n${command.more}`);
  made.action(() => perform(command, { args: made.args, options: made.opts() }));
}

/** Nothing is printed, and nothing exits, but what the caller lets. */
function prepare(command: Commander, columns: number): void {
  command
    .exitOverride((cause) => {
      throw usageError(command, cause);
    })
    .configureOutput({ writeErr: () => {}, outputError: () => {}, getOutHelpWidth: () => columns })
    .showSuggestionAfterError(false)
    .helpOption("-h, --help", "show this help")
    .configureHelp({ showGlobalOptions: false });
}

function toOption({ flags, about, choices, default: given, min, several }: CommandOption): Option {
  const option = new Option(flags, about);
  if (choices !== undefined) option.choices(choices);
  if (given !== undefined) option.default(min === undefined ? given : Number(given));
  if (min !== undefined) option.argParser((text) => readNumber(text, min));
  if (several) option.argParser((text, before: readonly string[] | undefined) => [...(before ?? []), text]);
  return option;
}

function readNumber(text: string, min: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= min) return Number(text);
  throw new InvalidArgumentError(`It has to be a whole number from ${min} on.`);
}

function examplesText(examples: Command["examples"]): string {
  const width = Math.max(...examples.map(([typed]) => typed.length));
  const lines = examples.map(([typed, about]) => `  mergedock ${typed.padEnd(width)}  # ${about}\n`);
  return `Examples:\n${lines.join("")}`;
}

/** Help and version stay commander's own errors, which are none. */
function usageError(command: Commander, cause: CommanderError): Error {
  if (cause.exitCode === 0) return cause;
  const names = command.commands.map((one) => one.name());
  // The help that commander shows to whoever names none.
  if (cause.code === "commander.help")
    return mistaken(command, `it needs a command. There are: ${names.join(", ")}`, cause);
  const said = cause.message.replace(/^error: /, "").replace(/\.$/, "");
  const [, word = ""] = /'([^' ]+)/.exec(said) ?? [];
  const known: Readonly<Record<string, () => readonly string[]>> = {
    "commander.unknownCommand": () => names,
    "commander.unknownOption": () => [...command.options.flatMap(({ long }) => long ?? []), "--help"],
  };
  const meant = known[cause.code]?.();
  const help = meant === undefined ? "" : `; ${suggestion(word, meant)}`;
  return mistaken(command, `${said}${help}`, cause);
}

function mistaken(command: Commander, said: string, cause: CommanderError): AppError {
  const usage = `usage: ${usageOf(command)}\nmore: ${fullName(command)} --help`;
  return new AppError("invalid", `${said}\n${usage}`, { cause });
}

/** Whether commander has said what was asked for: help, or the version. */
export function isHelp(error: unknown): boolean {
  return error instanceof CommanderError;
}
