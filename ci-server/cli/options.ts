// Options that several commands have.

import type { CommandOption } from "./command.ts";
import { type ProgressKind, progressKinds } from "./progress/display.ts";

export const jsonOption: CommandOption = { flags: "--json", about: "print the API's answer as one JSON document" };
export const quietOption: CommandOption = { flags: "-q, --quiet", about: "print nothing but the result" };

/** `usual`: how a build is shown where nothing else is said. */
export function followOptions(usual: ProgressKind): readonly CommandOption[] {
  return [
    { flags: "-f, --follow", about: "stay until it has ended; the exit code is its result" },
    { flags: "--progress <how>", about: "how a build is shown", choices: progressKinds, default: usual },
  ];
}

export const progressHelp = `--progress: tty redraws one picture in place, plain tells it in lines, auto is tty on a terminal and plain elsewhere. quiet prints
the images at the end. rawjson prints the log's lines as the API gives them, and {"build": ...} as it is found and as it has ended.`;

/** Of lists, which come page by page. */
export const pageOptions: readonly CommandOption[] = [
  { flags: "-n, --limit <count>", about: "how many", min: 1, default: "20" },
  { flags: "--before <id>", about: 'those before it: the "next" of the page before' },
  { flags: "--all", about: "all pages" },
];
