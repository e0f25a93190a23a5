// `mergedock config check [file]`: every mistake of the server's configuration, or of a repository's own file, before it matters.

import { readFileSync } from "node:fs";
import path from "node:path";
import { parseYaml } from "./adapters/yaml.ts";
import { type Context, hasOption, type Input } from "./cli/command.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { type Config, loadConfig, parseRepositories } from "./config.ts";
import { filesOf } from "./core/access.ts";
import { AppError } from "./core/errors.ts";
import type { Repository } from "./core/recipe.ts";
import { readRecipeFile } from "./core/recipe-file.ts";
import { commandsUnasked, commandsWithoutApi, type Warning } from "./core/warnings.ts";

export async function run(context: Context, input: Input): Promise<number> {
  const [file] = input.args;
  const isOfRepository = file !== undefined && path.basename(file).startsWith(".");
  const said = isOfRepository ? checkRecipe(context, file) : checkConfig(context, file);
  if (hasOption(input, "json")) context.stdout.write(`${JSON.stringify({ valid: true, ...said.facts }, null, 2)}\n`);
  else context.stdout.write(said.lines.map((line) => `${line}\n`).join(""));
  return exitCodes.ok;
}

interface Said {
  readonly facts: object;
  readonly lines: readonly string[];
}

/** Throws `invalid` with every mistake. */
function checkConfig({ env, folder }: Context, file: string | undefined): Said {
  const config = loadConfig({ folder, env: { ...env, ...(file !== undefined && { MERGEDOCK_CONFIG: file }) } });
  const { role, stateFolder, listen, registry, engineHost, repositories } = config;
  const facts = {
    ...{ role, stateFolder, listen, engineHost, registry: registry.pushHost, database: databaseOf(config) },
    repositories: repositories.map(({ name, branches }) => ({ name, branches })),
  };
  const unasked = commandsUnasked(repositories);
  const warnings = [...(unasked.length === 0 ? [] : [commandsWithoutApi(unasked)]), ...missingFiles(repositories)];
  const lines: [string, string][] = [
    ["role", role],
    ["state", stateFolder],
    ["api", `${listen.api.host}:${listen.api.port}`],
    ["webhooks", `${listen.webhooks.host}:${listen.webhooks.port}`],
    ["engine", engineHost],
    ["registry", registry.pushHost],
    ["database", facts.database],
    ["repositories", repositories.map(({ name }) => name).join(", ") || "none yet"],
  ];
  return {
    facts: { ...facts, warnings },
    lines: [
      "the configuration is valid",
      ...lines.map(([name, text]) => `  ${name.padEnd(12)} ${text}`),
      ...warnings.map(({ message, fix }) => `! ${message}\n  ${fix}`),
    ],
  };
}

/** They are read at each build, and may lie on the workers' machines alone: no mistake. */
function missingFiles(repositories: readonly Repository[]): Warning[] {
  return repositories.flatMap(({ name, access, forge }) => {
    const own = access === null ? [] : filesOf(access);
    const all = forge.tokenFile === null ? own : [...own, ["api.token_file", forge.tokenFile] as const];
    return all.flatMap(([setting, file]): Warning[] => {
      const problem = problemOf(file);
      if (problem === null) return [];
      const message = `${name}: ${setting}: ${file} ${problem}`;
      return [{ code: "file_missing", message, fix: "put it there before the first build; no restart is needed then" }];
    });
  });
}

function problemOf(file: string): string | null {
  try {
    return readFileSync(file, "utf8").trim() === "" ? "is empty" : null;
  } catch (cause) {
    return `cannot be read (${(cause as NodeJS.ErrnoException).code})`; // of node:fs
  }
}

/** Its URL may hold a password. */
function databaseOf({ databaseUrl }: Config): string {
  if (databaseUrl === null) return "embedded";
  const url = URL.parse(databaseUrl);
  return url === null ? "as configured" : `${url.hostname}${url.pathname}`;
}

/** Of what the server has and forbids nothing is known here. Throws `invalid` with every mistake and its place. */
function checkRecipe({ folder }: Context, file: string): Said {
  const parsed = parseYaml(read(path.resolve(folder, file)));
  const { secrets, hosts } = namedIn(parsed.value);
  const [any] = parseRepositories({ repositories: [{ name: "owner/repository", url: "https://example.com/x.git" }] });
  if (any === undefined) throw new Error("one repository was parsed, and there is none");
  const repository: Repository = { ...any, secrets: Object.fromEntries(secrets.map((name) => [name, ""])) };
  const { images, concurrency } = readRecipeFile(parsed, repository, { pushHost: "", registryHosts: hosts });
  const services = images?.map(({ name }) => name) ?? [];
  const note = "which secrets and registries there are, and what is forbidden, the server knows alone";
  return {
    facts: { services, concurrency, note },
    lines: [`${file} is valid: ${services.join(", ") || "the usual image from ./Dockerfile"}`, `  ${note}`],
  };
}

/** Secrets and registries that the file names: taken as being there. */
function namedIn(value: unknown): { readonly secrets: readonly string[]; readonly hosts: readonly string[] } {
  const { images = [] } = (value ?? {}) as { images?: unknown }; // any shape: looked at, not relied on
  const all = (field: "secrets" | "push_to") =>
    (Array.isArray(images) ? images : []).flatMap((image: unknown) => {
      const list = (image as Record<string, unknown> | null)?.[field];
      return Array.isArray(list) ? list.filter((one) => typeof one === "string") : [];
    });
  return { secrets: all("secrets"), hosts: all("push_to").map((one) => one.split("/")[0] ?? "") };
}

function read(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException; // of node:fs
    throw new AppError("invalid", `${file} cannot be read (${code})`, { cause });
  }
}
