// The commands about the server itself.

import type { Command, CommandGroup } from "./command.ts";
import { jsonOption, quietOption } from "./options.ts";

export const pruneCommand: Command = {
  usage: "prune",
  about: "remove what is old of registry, engine, worktrees and logs",
  examples: [
    ["prune --dry-run", "list what would go, and why the rest stays"],
    ["prune", "do it"],
  ],
  options: [{ flags: "--dry-run", about: "change nothing" }, jsonOption],
  asksServer: true,
  load: () => import("./prune.ts"),
};

export const tokenCommands: CommandGroup = {
  usage: "token",
  about: "give and take away tokens for the API",
  commands: [
    {
      usage: "create <name>",
      about: "make a token, which is shown this once",
      examples: [["token create anna --role read > anna.token", "one that may look and change nothing"]],
      arguments: [{ about: "whose it is" }],
      options: [
        { flags: "--role <role>", about: "what it may do", choices: ["read", "admin"], default: "read" },
        jsonOption,
        quietOption,
      ],
      asksServer: true,
      load: () => import("./token-create.ts"),
    },
    {
      usage: "list",
      about: "list the tokens and their last use",
      examples: [["token list", "revoked ones too"]],
      options: [jsonOption, quietOption],
      asksServer: true,
      load: () => import("./token-list.ts"),
    },
    {
      usage: "revoke <name>",
      about: "end a token and its sessions, at once",
      examples: [["token revoke anna", "nobody comes in with it any more"]],
      arguments: [{ about: "whose it is" }],
      options: [jsonOption, quietOption],
      asksServer: true,
      load: () => import("./token-revoke.ts"),
    },
  ],
};
