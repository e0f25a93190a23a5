#!/usr/bin/env node
// `mergedock <command>`: `serve` reads the configuration, says what it found and where it listens, and stops on SIGTERM or
// SIGINT; the other commands ask a server that runs.

import path from "node:path";
import { parseArgs } from "node:util";
import { createLog } from "./adapters/log.ts";
import { type App, createApp } from "./app.ts";
import { type ClientDefaults, readToken } from "./cli/client.ts";
import { prune, pruneUsage } from "./cli/prune.ts";
import { type Config, loadConfig } from "./config.ts";
import { AppError } from "./core/errors.ts";

interface Command {
  readonly usage: string;
  /** Returns the exit code, or null while something goes on running. */
  readonly run: (args: readonly string[]) => Promise<number | null>;
}

const commands: Readonly<Record<string, Command>> = {
  serve: { usage: "mergedock serve [--role all|receiver|worker]", run: serve },
  prune: { usage: pruneUsage, run: (args) => prune(args, clientDefaults()) },
};

try {
  const [name = "serve", ...args] = toCommandLine(process.argv.slice(2));
  const code = await run(name, args);
  if (code !== null) process.exitCode = code;
} catch (error) {
  const isOurs = error instanceof AppError;
  process.stderr.write(`mergedock: ${isOurs ? error.message : ((error as Error).stack ?? String(error))}\n`);
  process.exitCode = isOurs && error.code === "invalid" ? 2 : 3;
}

/** Without a command it serves, also when options follow. */
function toCommandLine(args: readonly string[]): readonly string[] {
  return args[0] === undefined || args[0].startsWith("-") ? ["serve", ...args] : args;
}

/** Throws `invalid` with the usage for what is written wrongly. */
async function run(name: string, args: readonly string[]): Promise<number | null> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  const usages = Object.values(commands).map(({ usage }) => `usage: ${usage}`);
  if (command === undefined)
    throw new AppError("invalid", `there is no command "${[name, ...args].join(" ")}"\n${usages.join("\n")}`);
  try {
    return await command.run(args);
  } catch (cause) {
    // node:util's own, of options that it does not know.
    if (!(cause instanceof TypeError) || !("code" in cause) || !String(cause.code).startsWith("ERR_PARSE_ARGS"))
      throw cause;
    throw new AppError("invalid", `${cause.message}\nusage: ${command.usage}`, { cause });
  }
}

async function serve(args: readonly string[]): Promise<null> {
  const { values } = parseArgs({ args: [...args], options: { role: { type: "string" } } });
  const { role } = values;
  const env = { ...process.env, ...(role !== undefined && { MERGEDOCK_ROLE: role }) };
  const config = loadConfig({ env, folder: process.cwd() });
  const log = createLog({ level: config.logLevel });
  const app = await createApp(config, log);
  stopOnSignal(config, app);
  await report(config, app);
  return null;
}

/** The server of this machine's configuration, read when it is asked for: --server and --token-file do without. */
function clientDefaults(): ClientDefaults {
  const config = () => loadConfig({ env: process.env, folder: process.cwd() });
  return {
    server() {
      const { host, port } = config().listen.api;
      if (port === 0)
        throw new AppError("invalid", "listen.api has no fixed port; say where the server is with --server");
      // What listens everywhere is asked here.
      const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
      return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
    },
    async token() {
      const { adminToken, stateFolder } = config();
      return adminToken ?? readToken(path.join(stateFolder, "secrets/admin-token"));
    },
  };
}

async function report(config: Config, app: App): Promise<void> {
  const found = Object.entries(await app.inspect());
  const secret = (name: string) => path.join(config.stateFolder, "secrets", name);
  const names = config.repositories.map((repository) => repository.name).join(", ");
  const from = (name: string, configured: unknown) => (configured === null ? secret(name) : "as configured");
  const listeners: [string, string][] =
    app.webhookUrl === ""
      ? [["health", `${app.apiUrl}/readyz`]]
      : [
          ["webhooks", `${app.webhookUrl}  (secret: ${from("webhook-secret", config.webhookSecrets)})`],
          ["api", `${app.apiUrl}  (token: ${from("admin-token", config.adminToken)})`],
        ];
  const lines: [string, string][] = [
    ...listeners,
    ["role", config.role],
    ["state", config.stateFolder],
    ...found.map(([name, { ok, detail }]): [string, string] => [name, `${ok ? "" : "NOT USABLE: "}${detail}`]),
    ["repositories", names || 'none yet: list them under "repositories" in mergedock.yml'],
  ];
  process.stdout.write(lines.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join(""));
}

/** The first signal drains, the second one does not wait. */
function stopOnSignal(config: Config, app: App): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(130);
    stopping = true;
    process.stderr.write(`mergedock: stopping; running builds have up to ${config.limits.drain_seconds_max} s\n`);
    app.stop().then(
      // A look-up of a name that nobody knows would keep the process alive after everything is closed.
      () => process.exit(),
      (error: unknown) => {
        const causes = error instanceof AggregateError ? error.errors : [error];
        process.stderr.write(`mergedock: ${causes.map(String).join("; ")}\n`);
        process.exit(3);
      },
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
