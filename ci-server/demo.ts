// `mergedock demo`: what `npm run demo` runs, from a clone.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import path from "node:path";
import { type Context, hasOption, type Input } from "./cli/command.ts";
import { AppError } from "./core/errors.ts";

const signals: readonly NodeJS.Signals[] = ["SIGINT", "SIGTERM"];

/** Ends as the demo ends; a signal is the demo's, which then stops what it has started. */
export async function run({ env }: Context, input: Input): Promise<number> {
  const main = path.join(import.meta.dirname, "../demo/main.ts");
  if (!existsSync(main))
    throw new AppError("not_implemented", "the demo is in a clone of the repository only: npm run demo there");
  const args = hasOption(input, "json") ? ["--json"] : [];
  const child = spawn(process.execPath, [main, ...args], { stdio: "inherit", env });
  // A terminal sends SIGINT to both; any other sender knows this process alone.
  for (const signal of signals) process.on(signal, () => signal === "SIGTERM" && child.kill(signal));
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null]; // of the event "close"
  return code ?? 128 + (signal === "SIGINT" ? 2 : 15);
}
