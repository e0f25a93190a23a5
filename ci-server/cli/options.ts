// Options that several commands have.

import type { CommandOption } from "./command.ts";
import { progressKinds } from "./progress/display.ts";

export const jsonOption: CommandOption = { flags: "--json", about: "print the API's answer as one JSON document" };
export const quietOption: CommandOption = { flags: "-q, --quiet", about: "print nothing but the result" };

export const followOptions: readonly CommandOption[] = [
  { flags: "-f, --follow", about: "stay until it has ended; the exit code is its result" },
  { flags: "--progress <how>", about: "how a build is shown", choices: progressKinds, default: "auto" },
];

/** Of lists, which come page by page. */
export const pageOptions: readonly CommandOption[] = [
  { flags: "-n, --limit <count>", about: "how many", min: 1, default: "20" },
  { flags: "--before <id>", about: 'those before it: the "next" of the page before' },
  { flags: "--all", about: "all pages" },
];
