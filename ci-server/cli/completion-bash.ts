// Completion for bash 4 and newer. Source: GNU Bash manual, "Programmable Completion".

import { allCommands, type ProgramOption, type ProgramTree } from "./program-tree.ts";

export function bashCompletion(tree: ProgramTree): string {
  const all = allCommands(tree);
  return `# bash completion for mergedock
_mergedock() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path=mergedock word i
  COMPREPLY=()
  # An option's value stands behind "=", which bash takes for a word of its own.
  if [[ $cur == = ]]; then cur=; prev=\${COMP_WORDS[COMP_CWORD-1]}
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}; fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case "$path $word" in
${all
  .slice(1)
  .map((one) => `      ${quote(one.fullName)}) path=${quote(one.fullName)} ;;\n`)
  .join("")}    esac
  done
  case "$path $prev" in
${all.flatMap((one) => one.options.filter(({ takesValue }) => takesValue).map((option) => valueCase(one, option))).join("")}  esac
  local words
  case "$path" in
${all.map((one) => `    ${quote(one.fullName)}) words=${quote(wordsOf(one).join(" "))} ;;\n`).join("")}  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}
complete -F _mergedock mergedock
`;
}

function valueCase({ fullName }: ProgramTree, { long, short, choices, isFile }: ProgramOption): string {
  const patterns = [long, short].flatMap((name) => (name === null ? [] : [quote(`${fullName} ${name}`)]));
  const files = isFile ? 'COMPREPLY=($(compgen -f -- "$cur")); ' : "";
  const words = choices.length === 0 ? files : `COMPREPLY=($(compgen -W ${quote(choices.join(" "))} -- "$cur")); `;
  return `    ${patterns.join("|")}) ${words}return ;;\n`;
}

function wordsOf({ commands, options, arguments: places }: ProgramTree): string[] {
  const names = commands.map(({ name }) => name);
  return [...names, ...places.flatMap(({ choices }) => choices), ...options.map(({ long }) => long)];
}

/** As one word of the shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
