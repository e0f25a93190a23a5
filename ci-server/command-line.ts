// The command line: finds the command, gives it what it needs of this process, and turns what comes of it into an exit code.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { Client } from "./cli/client.ts";
import { type Command, type Context, type Input, textOption } from "./cli/command.ts";
import { exitCodeOfError, exitCodes } from "./cli/exit-codes.ts";
import { createProgram, isHelp } from "./cli/program.ts";
import { describeProgram } from "./cli/program-tree.ts";
import { createTerminal } from "./cli/terminal.ts";
import { clientDefaults } from "./client-defaults.ts";
import { commands } from "./commands.ts";
import type { ConfigSource } from "./config.ts";
import { AppError, toAppError } from "./core/errors.ts";

const helpColumnsMax = 120;

/** Returns the exit code once the command has done its work; `serve` goes on after that. */
export async function runCommandLine(argv: readonly string[], source: ConfigSource): Promise<number> {
  endQuietlyWithoutReader();
  let exitCode: number = exitCodes.ok;
  const columns = Math.min(process.stdout.columns ?? helpColumnsMax, helpColumnsMax);
  const program = createProgram({
    ...{ commands, columns, version: readVersion() },
    async perform(command, input) {
      exitCode = await perform(command, input);
    },
  });
  async function perform(command: Command, input: Input): Promise<number> {
    const context = createContext(source, input);
    const { run } = await command.load();
    if (!command.handlesSignals) process.once("SIGINT", context.interrupt);
    return run({ ...context, program: () => describeProgram(program) }, input);
  }
  try {
    if (argv.length === 0) program.outputHelp();
    else await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    return isHelp(error) ? exitCodes.ok : report(error);
  }
}

/** What goes wrong in this program is shown whole; what it was told is shown as a sentence. */
function report(error: unknown): number {
  const isOurs = error instanceof AppError;
  process.stderr.write(`mergedock: ${isOurs ? error.message : (toAppError(error).stack ?? String(error))}\n`);
  return isOurs ? exitCodeOfError(error.code) : exitCodes.system;
}

function createContext(source: ConfigSource, input: Input): Omit<Context, "program"> & { interrupt(): void } {
  let client: Promise<Client> | undefined;
  let lastWork = () => {};
  return {
    ...source,
    stdout: createTerminal(process.stdout, source.env),
    stderr: createTerminal(process.stderr, source.env),
    client() {
      client ??= openClient(source, input);
      return client;
    },
    atInterrupt(work) {
      lastWork = work;
    },
    interrupt() {
      lastWork();
      process.exit(exitCodes.interrupted);
    },
  };
}

async function openClient(source: ConfigSource, input: Input): Promise<Client> {
  const [{ createClient }, { findTarget }] = await Promise.all([import("./cli/client.ts"), import("./cli/target.ts")]);
  const named = { server: textOption(input, "server"), tokenFile: textOption(input, "tokenFile") };
  return createClient(await findTarget({ ...source, ...named, defaults: clientDefaults(source) }));
}

/** `mergedock builds | head -1` is no mistake; what is not read need not be made. */
function endQuietlyWithoutReader(): void {
  for (const stream of [process.stdout, process.stderr])
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(exitCodes.brokenPipe);
      throw error;
    });
}

function readVersion(): string {
  const file = path.join(import.meta.dirname, "../package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version; // our own file
}
