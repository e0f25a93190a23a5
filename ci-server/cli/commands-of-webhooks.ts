// The commands about webhooks on the forge.

import type { CommandGroup } from "./command.ts";
import { jsonOption, quietOption } from "./options.ts";

export const webhookCommands: CommandGroup = {
  usage: "webhook",
  about: "look after the webhooks on the forge",
  commands: [
    {
      usage: "add <repository>",
      about: "add a repository's webhook or repair it, and wait for the ping",
      examples: [["webhook add acme/shop", "secret, events, JSON and URL as they have to be"]],
      more: `The repository is one of mergedock.yml. Its access is asked for the permission to change webhooks. Exit code 1: no ping came.
2: the forge's API cannot be asked with the access that there is; what to enter by hand is printed.`,
      arguments: [{ about: "owner/name" }],
      options: [jsonOption, quietOption],
      asksServer: true,
      load: () => import("./webhook-add.ts"),
    },
    {
      usage: "list",
      about: "list the webhook of each repository, and what is wrong with it",
      examples: [["webhook list", "as the forge has them"]],
      options: [jsonOption],
      asksServer: true,
      load: () => import("./webhook-list.ts"),
    },
    {
      usage: "check [repository]",
      about: "have the forge ping each webhook, and say what is wrong",
      examples: [["webhook check", "exit code 1: something is wrong"]],
      arguments: [{ about: "owner/name; else all" }],
      options: [jsonOption, quietOption],
      asksServer: true,
      load: () => import("./webhook-check.ts"),
    },
    {
      usage: "rotate-secret",
      about: "give every webhook another secret, without a lost delivery",
      examples: [
        ["webhook rotate-secret", "the old one is accepted until every webhook has the new one, and a day longer"],
      ],
      more: `What is broken off may simply be repeated: it goes on. Exit code 1: not every webhook has the new secret yet.`,
      options: [jsonOption, quietOption],
      asksServer: true,
      load: () => import("./webhook-rotate-secret.ts"),
    },
  ],
};
