// Reads mergedock.yml and the environment into one frozen Config, and reports every mistake at once.
// The environment wins over the file. This is the only place that reads process.env.

import path from "node:path";
import type { z } from "zod";
import { withEnvironment } from "./config-environment.ts";
import { meantBy } from "./config-fields.ts";
import { type LoadedFile, readConfigFile } from "./config-file.ts";
import { type ObservingConfig, toObserving } from "./config-observing.ts";
import { type ConfigFile, changedConfig, configFile } from "./config-schema.ts";
import { readSecretFile, readSecrets, type SecretSource, type Secrets, secretVariables } from "./config-secrets.ts";
import { type TunnelConfig, toTunnel } from "./config-tunnel.ts";
import { withFiles } from "./core/access.ts";
import { AppError } from "./core/errors.ts";
import { issueText, pathText } from "./core/mistake.ts";
import type { ContextTransfer } from "./core/ports.ts";
import type { Repository } from "./core/recipe.ts";
import type { RetentionPolicy } from "./core/retention.ts";

export interface Config {
  /** What this process does: take deliveries and answer the API, build, or both. */
  readonly role: ConfigFile["role"];
  readonly stateFolder: string;
  readonly listen: ConfigFile["listen"];
  readonly registry: {
    readonly pushHost: string;
    readonly apiUrl: string;
    /** `system` trusts the machine's authorities; null means the CA that is made in the state folder. */
    readonly caFile: string | null;
    readonly username: string;
    /** Null: the one that is made in the state folder. */
    readonly password: string | null;
  };
  /** Registries beside our own, each host once. */
  readonly registries: readonly OtherRegistry[];
  readonly attestations: {
    readonly enabled: boolean;
    /** PEM. Null: the one that is made in the state folder. */
    readonly key: string | null;
    /** Null: a name that is made of the key's. */
    readonly builderId: string | null;
  };
  readonly engineHost: string;
  /** Where a repository says nothing else; null: the usual ones. */
  readonly baseRegistries: readonly string[] | null;
  readonly addHosts: readonly string[] | null;
  /** Between two looks at the base images; 0: nobody looks. */
  readonly baseWatchSeconds: number;
  /** Between two looks for merges whose delivery did not come; 0: at the start only. */
  readonly reconcileSeconds: number;
  /** Nobody else uses the engine: its build cache is ours. */
  readonly engineIsDedicated: boolean;
  readonly contextTransfer: ContextTransfer;
  /** Null starts the embedded PostgreSQL. */
  readonly databaseUrl: string | null;
  /** Null: the one that is made in the state folder. */
  readonly webhookSecrets: readonly string[] | null;
  /** Below which forges reach the webhooks' listener; null: the tunnel says it. */
  readonly webhooksPublicUrl: string | null;
  readonly adminToken: string | null;
  readonly tunnel: TunnelConfig;
  readonly logLevel: string;
  readonly observing: ObservingConfig;
  readonly workers: number;
  readonly limits: ConfigFile["limits"];
  readonly retention: RetentionPolicy;
  readonly repositories: readonly Repository[];
}

/** `password`: null where it is read without signing in. `caFile`: null trusts the machine's authorities. */
export interface OtherRegistry {
  readonly host: string;
  readonly username: string | null;
  readonly password: string | null;
  readonly caFile: string | null;
}

/** Relative paths of the environment start at its folder, those of the file at the file. */
export type ConfigSource = SecretSource;

/** Throws `invalid` with one line for each mistake: where it stands, what it says, what is allowed. */
export function loadConfig(source: ConfigSource): Config {
  const mistakes: string[] = [];
  const file = readConfigFile(source, mistakes);
  const merged = withEnvironment(source, file.content, file.folder, mistakes);
  const parsed = configFile.safeParse(merged);
  if (!parsed.success) mistakes.push(...parsed.error.issues.map((issue) => describe(issue, merged, file)));
  const secrets = readSecrets(source, parsed.data, file.folder, mistakes);
  const registries = (parsed.data?.registries ?? []).map((one) => toOtherRegistry(one, file.folder, mistakes));
  if (parsed.success) mistakes.push(...missingForRole(parsed.data, secrets));
  const observing = parsed.success ? toObserving(parsed.data, source, file.folder, mistakes) : null;
  const tunnel = parsed.success ? toTunnel(parsed.data.tunnel, source, file.folder, mistakes) : null;
  if (!parsed.success || observing === null || tunnel === null || mistakes.length > 0) throw mistaken(mistakes);
  return freeze({ ...toConfig(parsed.data, secrets, file.folder), registries, observing, tunnel });
}

/** Processes that share the work share a database and secrets, and cannot each make their own. */
function missingForRole({ role, registry, attestations }: ConfigFile, secrets: Secrets): string[] {
  if (role === "all") return [];
  const { databaseUrl, webhookSecrets, adminToken, registryPassword, attestationKey } = secrets;
  const ofReceiver: [string, unknown][] = [
    [secretVariables.webhookSecrets, webhookSecrets],
    [secretVariables.adminToken, adminToken],
  ];
  const ofWorker: [string, unknown][] = [
    [secretVariables.registryPassword, registryPassword],
    ["MERGEDOCK_REGISTRY_CA_FILE", registry.ca_file ?? null],
    [`${secretVariables.attestationKey}_FILE`, attestations.enabled ? attestationKey : "none"],
  ];
  return [["DATABASE_URL", databaseUrl] as const, ...(role === "receiver" ? ofReceiver : ofWorker)]
    .filter(([, value]) => value === null)
    .map(([name]) => `${name}: role ${role} needs it, the same one for all processes that share the work`);
}

/** The repositories of a changed configuration, for a dry run: `{ "repositories": [...] }`. Throws `invalid` with every mistake. */
export function parseRepositories(value: unknown): readonly Repository[] {
  const parsed = changedConfig.safeParse(value);
  if (parsed.success) return parsed.data.repositories;
  throw mistaken(parsed.error.issues.map((issue) => describe(issue, value)));
}

function mistaken(mistakes: readonly string[]): AppError {
  const lines = mistakes.map((line) => `  ${line}`).join("\n");
  return new AppError("invalid", `the configuration has ${mistakes.length} mistake(s):\n${lines}`);
}

function describe(issue: z.core.$ZodIssue, content: unknown, file: LoadedFile | null = null): string {
  const where = pathText(issue.path);
  const value = valueAt(content, issue.path);
  // A URL may hold a password.
  const shown =
    value === undefined || typeof value === "object"
      ? ""
      : ` ${JSON.stringify(value).replace(/\/\/[^/"]*@/, "//...@")}`;
  const place = file === null ? null : placeOf(issue, value, file);
  return `${where || "mergedock.yml"}:${shown} ${issueText(issue)}${meantBy(issue)}${place === null ? "" : ` (${place})`}`;
}

/** Null of what the environment says, which wins over the file. */
function placeOf(issue: z.core.$ZodIssue, value: unknown, file: LoadedFile): string | null {
  if (typeof value !== "object" && valueAt(file.content, issue.path) !== value) return null;
  return file.placeOf(issue.code === "unrecognized_keys" ? [...issue.path, issue.keys[0] ?? ""] : issue.path);
}

function valueAt(content: unknown, at: readonly PropertyKey[]): unknown {
  return at.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key], content);
}

function toOtherRegistry(
  { host, username, password_file, ca_file }: ConfigFile["registries"][number],
  folder: string,
  mistakes: string[],
): OtherRegistry {
  const password = password_file === undefined ? null : readSecretFile(path.resolve(folder, password_file));
  if (password instanceof Error) mistakes.push(`registries: ${host}: password_file: ${password.message}`);
  const caFile = ca_file === undefined ? null : path.resolve(folder, ca_file);
  return { host, username: username ?? null, password: password instanceof Error ? null : password, caFile };
}

function toConfig(
  file: ConfigFile,
  secrets: Secrets,
  folder: string,
): Omit<Config, "registries" | "observing" | "tunnel"> {
  const { registry } = file;
  const caFile =
    registry.ca_file === undefined || registry.ca_file === "system"
      ? registry.ca_file
      : path.resolve(folder, registry.ca_file);
  return {
    role: file.role,
    stateFolder: path.resolve(folder, file.state_dir),
    listen: file.listen,
    registry: {
      pushHost: registry.push_host,
      apiUrl: registry.api_url,
      caFile: caFile ?? null,
      username: registry.username,
      password: secrets.registryPassword,
    },
    attestations: {
      enabled: file.attestations.enabled,
      key: secrets.attestationKey,
      builderId: file.attestations.builder_id ?? null,
    },
    engineHost: file.engine.host,
    baseRegistries: file.engine.base_registries,
    addHosts: file.engine.add_hosts,
    baseWatchSeconds: file.base_watch.every_seconds,
    reconcileSeconds: file.reconcile.every_seconds,
    engineIsDedicated: file.engine.dedicated,
    contextTransfer: file.engine.context_transfer,
    databaseUrl: secrets.databaseUrl,
    webhookSecrets: secrets.webhookSecrets,
    webhooksPublicUrl: file.webhooks.public_url ?? null,
    adminToken: secrets.adminToken,
    logLevel: file.log.level,
    workers: file.workers,
    limits: file.limits,
    retention: toRetention(file.retention),
    repositories: file.repositories.map((repository) => ({
      ...repository,
      access: repository.access && withFiles(repository.access, (name) => path.resolve(folder, name)),
      forge: {
        ...repository.forge,
        tokenFile: repository.forge.tokenFile && path.resolve(folder, repository.forge.tokenFile),
      },
      secrets: Object.fromEntries(
        Object.entries(repository.secrets).map(([name, secret]) => [name, path.resolve(folder, secret)]),
      ),
    })),
  };
}

/** Until the operator says how many are kept, images stay in the registry. */
function toRetention(given: ConfigFile["retention"]): RetentionPolicy {
  const { keep_last: keepLast = null, younger_than_days: youngerThanDays = 0, keep_tags: keepTags = [] } = given ?? {};
  return { keepLast, youngerThanDays, keepTags };
}

function freeze<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
