// `mergedock serve [--role all|receiver|worker]`: reads the configuration, says what it found and where it listens, and stops
// on SIGTERM or SIGINT.

import path from "node:path";
import { createLog } from "./adapters/log.ts";
import { type App, createApp } from "./app.ts";
import { type Context, type Input, textOption } from "./cli/command.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { type Config, loadConfig } from "./config.ts";
import { isAskable } from "./core/forge-settings.ts";

/** Returns once it serves. Throws `invalid`, and what keeps it from serving. */
export async function run({ env: given, folder }: Context, input: Input): Promise<number> {
  const role = textOption(input, "role");
  const env = { ...given, ...(role !== null && { MERGEDOCK_ROLE: role }) };
  const config = loadConfig({ folder, env });
  const log = createLog({ level: config.logLevel });
  const app = await createApp(config, log);
  stopOnSignal(config, app);
  await report(config, app);
  return exitCodes.ok;
}

const howToStart: [string, string] = ["", 'README.md, "Use it", says how to start one, in another terminal'];

async function report(config: Config, app: App): Promise<void> {
  process.stdout.write(startReport(config, app, await app.inspect()));
}

type Found = Awaited<ReturnType<App["inspect"]>>;

/** A line for each of what was found, and of where it listens. */
export function startReport(config: Config, app: Pick<App, "apiUrl" | "webhookUrl">, found: Found): string {
  const secret = (name: string) => path.join(config.stateFolder, "secrets", name);
  const names = config.repositories.map((repository) => repository.name).join(", ");
  const from = (name: string, configured: unknown) => (configured === null ? secret(name) : "as configured");
  const listeners: [string, string][] =
    app.webhookUrl === ""
      ? [["health", `${app.apiUrl}/readyz`]]
      : [
          ["webhooks", `${app.webhookUrl}  (secret: ${from("webhook-secret", config.webhookSecrets)})`],
          ["dashboard", `${new URL("/", app.apiUrl)}  (sign in with the token below)`],
          ["api", `${app.apiUrl}  (token: ${from("admin-token", config.adminToken)})`],
        ];
  const lines: [string, string][] = [
    ...listeners,
    ["role", config.role],
    ["state", config.stateFolder],
    ...Object.entries(found).flatMap(([name, { ok, detail }]): [string, string][] => [
      [name, `${ok ? "" : "NOT USABLE: "}${detail}`],
      ...(name === "registry" && !ok ? [howToStart] : []),
    ]),
    ...unasked(config),
    ["repositories", names || 'none yet: list them under "repositories" in mergedock.yml'],
  ];
  return lines.map(([name, text]) => `${name.padEnd(12)} ${text}\n`).join("");
}

function unasked({ repositories }: Config): [string, string][] {
  const names = repositories.filter((one) => !isAskable(one)).map(({ name }) => name);
  if (names.length === 0) return [];
  return [
    [
      "forge",
      `not asked for ${names.join(", ")}, whose "access" is no token and no App: add webhooks by hand; pull requests are told nothing`,
    ],
  ];
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
