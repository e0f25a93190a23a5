// Completion for zsh. Source: zsh's manual, "Completion System", _arguments and _describe.

import type { ProgramOption, ProgramTree } from "./program-tree.ts";

export function zshCompletion(tree: ProgramTree): string {
  return `#compdef mergedock
# zsh completion for mergedock
${functions(tree).join("\n")}
compdef _mergedock mergedock
`;
}

/** One for each command, those below it first. */
function functions(command: ProgramTree): string[] {
  const below = command.commands.flatMap(functions);
  return [
    ...below,
    `${nameOf(command)}() {\n${command.commands.length > 0 ? groupBody(command) : leafBody(command)}}\n`,
  ];
}

function groupBody({ commands, options }: ProgramTree): string {
  const entries = commands.map(({ name, about }) => `    ${quote(`${name}:${about}`)}\n`).join("");
  const cases = commands.map((one) => `        ${one.name}) ${nameOf(one)} ;;\n`).join("");
  return `  local line state
  local -a commands=(
${entries}  )
  _arguments -C ${options.map(optionWord).join(" ")} '1: :->command' '*::arg:->args'
  case $state in
    command) _describe command commands ;;
    args)
      case $line[1] in
${cases}      esac ;;
  esac
`;
}

function leafBody({ options, arguments: places }: ProgramTree): string {
  const words = places.map(({ name, choices }, index) => {
    const values = choices.length === 0 ? " " : `(${choices.join(" ")})`;
    return quote(`${index + 1}:${escaped(name)}:${values}`);
  });
  return `  _arguments ${[...options.map(optionWord), ...words].join(" \\\n    ")}\n`;
}

function optionWord({ long, short, about, takesValue, isFile, choices }: ProgramOption): string {
  const said = `[${escaped(about)}]`;
  const values = choices.length > 0 ? `(${choices.join(" ")})` : isFile ? "_files" : " ";
  const value = takesValue ? `:value:${values}` : "";
  if (short === null) return quote(`${long}${takesValue ? "=" : ""}${said}${value}`);
  // Either of both, once.
  return `${quote(`(${short} ${long})`)}{${short},${long}${takesValue ? "=" : ""}}${quote(`${said}${value}`)}`;
}

function nameOf({ fullName }: ProgramTree): string {
  return `_${fullName.replaceAll(" ", "_")}`;
}

/** Brackets and colons would end a description. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
