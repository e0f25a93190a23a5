// The manual of the command line in Markdown, made of the tree that reads it.

import type { Command } from "./cli/command.ts";
import { exitCodesText } from "./cli/exit-codes.ts";
import { createProgram } from "./cli/program.ts";
import { allCommands, describeProgram, type ProgramTree } from "./cli/program-tree.ts";
import { commands } from "./commands.ts";

const intro = `<!-- Made by scripts/write-cli-docs.ts of the commands themselves: npm run cli-docs -->

# mergedock

    npx mergedock <command>             # in a clone
    node ci-server/main.ts <command>    # the same

\`serve\`, \`verify\`, \`config\`, \`doctor\` and \`demo\` work on this machine; every other command asks a server over its API.

Which server, and with which token: the flags \`--server\` and \`--token-file\`, else \`MERGEDOCK_SERVER\` and \`MERGEDOCK_TOKEN\` (or
\`MERGEDOCK_TOKEN_FILE\`), else \`mergedock.yml\` and the state folder of the folder where it is started. The token of that folder
goes to its own server and to loopback, and nowhere else.

What was asked for is printed on stdout, all else on stderr. \`--json\` prints what the API gave, lists as one document. On a
terminal a build is redrawn in place; elsewhere it is told in lines (\`--progress=plain\`). \`NO_COLOR\` is heard.
`;

export function cliDocs(): string {
  const tree = describeProgram(createProgram({ commands, version: "", columns: 120, perform: async () => {} }));
  const written = new Map(
    commands.flatMap((one) => ("commands" in one ? one.commands.map((sub) => entry(sub, one.usage)) : [entry(one)])),
  );
  const parts = allCommands(tree)
    .filter((one) => one.commands.length === 0)
    .map((one) => section(one, written.get(one.fullName)));
  return `${intro}\n## Exit codes\n\n${exitCodes()}\n${parts.join("\n")}`;
}

function entry(command: Command, group?: string): [string, Command] {
  const name = command.usage.split(" ")[0] ?? "";
  return [["mergedock", group, name].filter(Boolean).join(" "), command];
}

function section(tree: ProgramTree, command: Command | undefined): string {
  const examples = (command?.examples ?? []).map(([typed, about]) => `    mergedock ${typed}  # ${about}\n`).join("");
  const more = command?.more === undefined ? "" : `\n${command.more}\n`;
  const rows = [
    ...tree.arguments.map(({ name, about, choices }) => row(name, about, choices, null)),
    ...tree.options.map(({ flags, about, choices, default: given }) => row(flags, about, choices, given)),
  ].join("");
  const head = `## ${tree.fullName}\n\n${capital(tree.about)}.\n\n    ${tree.usage}\n\n${examples}`;
  return `${head}${more}\n| | |\n|---|---|\n${rows}`;
}

function row(name: string, about: string, choices: readonly string[], given: string | null): string {
  const words = choices.length === 0 ? "" : `: ${choices.map((one) => `\`${one}\``).join(", ")}`;
  const usual = given === null ? "" : ` (\`${given}\`)`;
  return `| \`${name}\` | ${about.replaceAll("|", "\\|")}${words}${usual} |\n`;
}

function exitCodes(): string {
  const rows = exitCodesText.split("\n").map((line) => {
    const [, code = "", about = ""] = /^ +(\d+) +(.+)$/.exec(line) ?? [];
    return `| ${code} | ${about} |\n`;
  });
  return `| | |\n|---|---|\n${rows.join("")}`;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
