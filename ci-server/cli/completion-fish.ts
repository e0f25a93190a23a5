// Completion for fish. Source: fish's manual, "complete" and "Writing your own completions".

import { allCommands, type ProgramOption, type ProgramTree } from "./program-tree.ts";

export function fishCompletion(tree: ProgramTree): string {
  const lines = allCommands(tree).flatMap((one) => [
    ...one.commands.map((sub) => complete(one, "is", `-a ${quote(sub.name)} -d ${quote(sub.about)}`)),
    ...one.arguments.flatMap(({ choices }) =>
      choices.length === 0 ? [] : [complete(one, "in", `-a ${quote(choices.join(" "))}`)],
    ),
    ...one.options.map((option) => complete(one, "in", optionWords(option))),
  ]);
  return `# fish completion for mergedock
function __mergedock_words
    # The words of commands so far.
    set -l tokens (commandline -opc)
    string join ' ' (string match -v -- '-*' $tokens[2..-1])
end
function __mergedock_is
    test (__mergedock_words) = "$argv[1]"
end
function __mergedock_in
    string match -q -- "$argv[1] *" (__mergedock_words)' '
end
complete -c mergedock -f
${lines.join("")}`;
}

function complete(command: ProgramTree, place: "is" | "in", words: string): string {
  const path = command.fullName.split(" ").slice(1).join(" ");
  // The root's options are its own alone.
  // The condition is read once more: its own words stand in the other quotes.
  const when = path === "" ? "is" : place;
  return `complete -c mergedock -n '__mergedock_${when} "${path}"' ${words}\n`;
}

function optionWords({ long, short, about, takesValue, isFile, choices }: ProgramOption): string {
  const names = [short === null ? [] : [`-s ${short.slice(1)}`], [`-l ${long.slice(2)}`]].flat();
  const value = takesValue ? [isFile ? "-r -F" : "-x"] : [];
  const words = choices.length === 0 ? [] : [`-a ${quote(choices.join(" "))}`];
  return [...names, ...value, ...words, `-d ${quote(about)}`].join(" ");
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
