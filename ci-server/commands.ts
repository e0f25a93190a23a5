// All commands in the order of the help. Each one's work is in a file of its own, loaded when it is asked for: the help is quick.

import type { Command, CommandGroup } from "./cli/command.ts";
import { commandsOfBuilds } from "./cli/commands-of-builds.ts";
import { commandsOfLedger } from "./cli/commands-of-ledger.ts";
import { pruneCommand, tokenCommands } from "./cli/commands-of-server.ts";
import { webhookCommands } from "./cli/commands-of-webhooks.ts";
import { jsonOption } from "./cli/options.ts";
import { shells } from "./cli/shells.ts";

const serve: Command = {
  usage: "serve",
  about: "start the server that mergedock.yml describes",
  examples: [
    ["serve", "take deliveries, build, answer the API"],
    ["serve --role worker", "build alone, beside others on the same DATABASE_URL"],
  ],
  options: [
    {
      flags: "--role <role>",
      about: "what this process does; else MERGEDOCK_ROLE",
      choices: ["all", "receiver", "worker"],
    },
  ],
  handlesSignals: true,
  load: () => import("./serve.ts"),
};

const verify: Command = {
  usage: "verify <reference>",
  about: "check who built an image from what, with a public key and the registry alone",
  examples: [
    ["verify localhost:5000/acme/shop:latest", "with key, CA and account of this folder"],
    ["verify registry:5000/acme/shop:1.4.2 --key attestation-key.pub.pem", "anywhere"],
  ],
  more: `Nobody but the registry and the key is asked. Of --key there may be several, after a change of keys. What is not given comes
from mergedock.yml and the environment; the key from the state folder. A server gives its own at /api/v1/attestation-key.`,
  arguments: [{ about: "registry/name:tag or registry/name@sha256:..." }],
  options: [
    { flags: "--key <file>", about: "a public key that is trusted", several: true },
    { flags: "--registry-ca <file>", about: "the CA of the registry" },
    { flags: "--username <name>", about: "the account at the registry" },
    { flags: "--password-file <file>", about: "a file with its password" },
    { ...jsonOption, about: "print what it found as one JSON document" },
  ],
  load: () => import("./verify.ts"),
};

const config: CommandGroup = {
  usage: "config",
  about: "look at the configuration",
  commands: [
    {
      usage: "check [file]",
      about: "check mergedock.yml and the environment, or a repository's .mergedock.yml",
      examples: [
        ["config check", "the server's configuration: every mistake with its place"],
        ["config check .mergedock.yml", "a repository's own file"],
      ],
      more: "A file whose name begins with a dot is a repository's own; any other is the server's.",
      arguments: [{ about: "a file; else MERGEDOCK_CONFIG or mergedock.yml" }],
      options: [{ ...jsonOption, about: "print what it found as one JSON document" }],
      load: () => import("./config-check.ts"),
    },
  ],
};

const doctor: Command = {
  usage: "doctor",
  about: "find what does not work, and say how to mend it",
  examples: [
    ["doctor", "engine, registry, database, disk, clock, tunnel, hook"],
    ["doctor --server https://ci.example.com --token-file ci.token", "a server elsewhere"],
  ],
  more: `Changes nothing: it asks the engine for its version, signs in at the registry, asks the engine to sign in there too (POST /auth,
which uses the engine's own trust in the CA), connects to the database, and asks the running server for its own checks.`,
  options: [{ ...jsonOption, about: "print what it found as one JSON document" }],
  asksServer: true,
  load: () => import("./doctor.ts"),
};

const demo: Command = {
  usage: "demo",
  about: "show the whole way, from a merge to the running container, and away again",
  examples: [["demo", "the same as: npm run demo"]],
  options: [{ ...jsonOption, about: "print one JSON object at the end" }],
  handlesSignals: true,
  load: () => import("./demo.ts"),
};

const completion: Command = {
  usage: "completion <shell>",
  about: "print a script that completes commands and options",
  examples: [
    ["completion bash > ~/.local/share/bash-completion/completions/mergedock", "bash"],
    ["completion zsh > ~/.zfunc/_mergedock", "zsh; ~/.zfunc stands in fpath"],
    ["completion fish > ~/.config/fish/completions/mergedock.fish", "fish"],
  ],
  arguments: [{ about: "for which shell", choices: shells }],
  load: () => import("./cli/completion-command.ts"),
};

export const commands: readonly (Command | CommandGroup)[] = [
  serve,
  ...commandsOfBuilds,
  ...commandsOfLedger,
  verify,
  pruneCommand,
  config,
  tokenCommands,
  webhookCommands,
  doctor,
  demo,
  completion,
];
