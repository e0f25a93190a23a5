// Commander's tree as plain facts: what the completions and the manual are made of.

import type { Command as Commander } from "commander";

export interface ProgramOption {
  readonly long: string;
  readonly short: string | null;
  readonly flags: string;
  readonly about: string;
  readonly takesValue: boolean;
  /** The value is a file's name. */
  readonly isFile: boolean;
  readonly choices: readonly string[];
  readonly default: string | null;
}

export interface ProgramTree {
  readonly name: string;
  /** `mergedock token create`. */
  readonly fullName: string;
  readonly usage: string;
  readonly about: string;
  readonly arguments: readonly { readonly name: string; readonly about: string; readonly choices: readonly string[] }[];
  readonly options: readonly ProgramOption[];
  readonly commands: readonly ProgramTree[];
}

export function describeProgram(command: Commander): ProgramTree {
  const help = command.createHelp();
  return {
    name: command.name(),
    fullName: fullName(command),
    usage: usageOf(command),
    about: command.description(),
    arguments: command.registeredArguments.map((one) => ({
      ...{ name: one.name(), about: one.description, choices: one.argChoices ?? [] },
    })),
    options: help.visibleOptions(command).map(({ long, short, flags, description, ...option }) => ({
      ...{ long: long ?? "", short: short ?? null, flags, about: description },
      takesValue: option.required || option.optional,
      isFile: /<file>$/.test(flags),
      choices: option.argChoices ?? [],
      default: option.defaultValue === undefined ? null : String(option.defaultValue),
    })),
    commands: help
      .visibleCommands(command)
      .filter((one) => one.name() !== "help")
      .map(describeProgram),
  };
}

/** With what is below them, the root first. */
export function allCommands(tree: ProgramTree): ProgramTree[] {
  return [tree, ...tree.commands.flatMap(allCommands)];
}

export function usageOf(command: Commander): string {
  return `${fullName(command)} ${command.usage()}`;
}

export function fullName(command: Commander): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`;
}
