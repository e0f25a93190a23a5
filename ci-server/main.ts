#!/usr/bin/env node
// The command line: which command is meant; each has a file of its own, which is loaded when it is asked for.

import { AppError, toAppError } from "./core/errors.ts";

const commands = {
  serve: () => import("./serve.ts"),
  prune: () => import("./prune.ts"),
  verify: () => import("./verify.ts"),
};

try {
  const [name, ...args] = toCommandLine(process.argv.slice(2));
  if (isCommand(name)) await (await commands[name]()).run(args, { env: process.env, folder: process.cwd() });
  else if (["help", "--help", "-h"].includes(name)) process.stdout.write(await help());
  else throw new AppError("invalid", `there is no command "${name}"\n${await help()}`);
} catch (error) {
  const isOurs = error instanceof AppError;
  process.stderr.write(`mergedock: ${isOurs ? error.message : (toAppError(error).stack ?? String(error))}\n`);
  process.exitCode = isOurs && error.code === "invalid" ? 2 : 3;
}

/** Without a command it serves, also when options follow. */
function toCommandLine([name, ...args]: readonly string[]): readonly [string, ...string[]] {
  if (name === undefined) return ["serve"];
  return name.startsWith("-") && !["--help", "-h"].includes(name) ? ["serve", name, ...args] : [name, ...args];
}

function isCommand(name: string): name is keyof typeof commands {
  return Object.hasOwn(commands, name);
}

async function help(): Promise<string> {
  const all = await Promise.all(Object.values(commands).map((load) => load()));
  return `usage: ${[...all.map(({ usage }) => usage), "mergedock help"].join("\n\n       ")}\n`;
}
