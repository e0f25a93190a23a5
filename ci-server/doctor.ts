// `mergedock doctor`: what this folder's configuration needs, what the running server says of itself, and the fix for each trouble.

import { existsSync } from "node:fs";
import path from "node:path";
import type { Context, Input } from "./cli/command.ts";
import { hasOption, textOption } from "./cli/command.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { type Finding, failure, findingsText, ok, warning } from "./cli/findings.ts";
import { serverFindings } from "./cli/server-findings.ts";
import { type Config, loadConfig } from "./config.ts";
import { AppError } from "./core/errors.ts";
import { engineFindings } from "./doctor-engine.ts";
import { databaseFinding, diskFindings, tunnelFinding } from "./doctor-machine.ts";
import { registryFindings } from "./doctor-registry.ts";

/** 3 where something does not work. */
export async function run(context: Context, input: Input): Promise<number> {
  const local = await localFindings(context, input);
  const served = await askServer(context, input);
  // Of an engine that was looked at here the server says nothing new.
  const isKnown = ({ name }: Finding) => local.length > 0 && name.startsWith("server: engine_cve");
  const findings = [...local, ...served.filter((one) => !isKnown(one))];
  const isWell = findings.every(({ level }) => level !== "failure");
  const { stdout } = context;
  if (hasOption(input, "json")) stdout.write(`${JSON.stringify({ ok: isWell, findings }, null, 2)}\n`);
  else stdout.write(findingsText(findings, stdout));
  return isWell ? exitCodes.ok : exitCodes.system;
}

/** None where a server elsewhere is meant and this folder has no configuration. */
async function localFindings({ env, folder }: Context, input: Input): Promise<Finding[]> {
  const file = path.resolve(folder, env.MERGEDOCK_CONFIG ?? "mergedock.yml");
  const isElsewhere = textOption(input, "server") !== null || Boolean(env.MERGEDOCK_SERVER);
  if (isElsewhere && !existsSync(file)) return [];
  let config: Config;
  try {
    config = loadConfig({ env, folder });
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    return [failure("configuration", cause.message, "correct it; mergedock config check looks again")];
  }
  const found = await Promise.all([
    [configurationFinding(config, file)],
    engineFindings(config),
    registryFindings(config),
    [await databaseFinding(config)],
    diskFindings(config),
    [await tunnelFinding(config)],
  ]);
  return found.flat();
}

function configurationFinding({ repositories }: Config, file: string): Finding {
  const names = repositories.map(({ name }) => name).join(", ");
  if (names !== "") return ok("configuration", `${file}: ${names}`);
  const example = "cp mergedock.example.yml mergedock.yml, and name your repository in it";
  const detail = existsSync(file) ? `${file} names no repository: nothing is built` : `there is no ${file}`;
  return warning("configuration", detail, example);
}

/** A server that was named has to be there; the one of this folder may not have been started yet. */
async function askServer(context: Context, input: Input): Promise<Finding[]> {
  const isNamed = textOption(input, "server") !== null || Boolean(context.env.MERGEDOCK_SERVER);
  try {
    return await serverFindings(await context.client());
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause;
    const fix = fixOf(cause);
    return [
      isNamed || !["unavailable", "invalid"].includes(cause.code)
        ? failure("server", cause.message, fix)
        : warning("server", cause.message, fix),
    ];
  }
}

function fixOf({ code }: AppError): string {
  if (code === "unauthorized" || code === "forbidden")
    return "name the file of a token that it knows with --token-file";
  return code === "unavailable" || code === "invalid"
    ? "start it: mergedock serve; or say where it is with --server"
    : "see to what it says";
}
