// The commands about what a forge has sent.

import type { Command } from "./command.ts";
import { followOptions, jsonOption, pageOptions, progressHelp, quietOption } from "./options.ts";

export const commandsOfLedger: readonly Command[] = [
  {
    usage: "deliveries",
    about: "list what the forge has sent, and what was decided of it",
    examples: [
      ["deliveries --verdict skip", "what built nothing, with the reason"],
      ["deliveries --repository acme/shop", "of one repository"],
    ],
    options: [
      { flags: "--repository <owner/name>", about: "of this repository" },
      { flags: "--verdict <verdict>", about: "that were decided so", choices: ["build", "skip"] },
      { flags: "--event <event>", about: "of this event, such as pull_request" },
      { flags: "--q <words>", about: "that have these words" },
      ...pageOptions,
      jsonOption,
      quietOption,
    ],
    asksServer: true,
    load: () => import("./deliveries.ts"),
  },
  {
    usage: "explain <what>",
    about: "say why something was built, or was not",
    examples: [
      ["explain 42", "the pull request #42"],
      ["explain acme/shop#42", "where several repositories have one"],
      ["explain 1a2b3c4", "a commit, by 7 digits or more"],
      ["explain 8666f9da-d450-41a7-a454-4fa8678fcbb6", "a delivery"],
    ],
    more: "Digits alone are a pull request up to six of them, and a commit from seven on; #1234567 is a pull request.",
    arguments: [{ about: "a delivery, a pull request or a commit" }],
    options: [jsonOption],
    asksServer: true,
    load: () => import("./explain.ts"),
  },
  {
    usage: "replay <guid>",
    about: "decide again on a delivery, and build what it leads to",
    examples: [
      ["replay 8666f9da-d450-41a7-a454-4fa8678fcbb6 --dry-run", "what would happen now"],
      ["replay 8666f9da-d450-41a7-a454-4fa8678fcbb6 --follow", "build it again, and watch it"],
    ],
    arguments: [{ about: "the delivery's id" }],
    more: progressHelp,
    options: [{ flags: "--dry-run", about: "change nothing" }, ...followOptions("auto"), jsonOption, quietOption],
    asksServer: true,
    load: () => import("./replay.ts"),
  },
  {
    usage: "reconcile [repository]",
    about: "look now for deliveries and merges that did not arrive",
    examples: [
      ["reconcile", "of all repositories"],
      ["reconcile acme/shop", "of this one"],
    ],
    more: `The server does so by itself at its start and every few minutes (reconcile.every_seconds). What it finds is built, and stands
among the deliveries.`,
    arguments: [{ about: "owner/name; else all of them" }],
    options: [jsonOption],
    asksServer: true,
    load: () => import("./reconcile.ts"),
  },
];
