// The secrets of the configuration: from the environment, or from files, and never weak ones.

import { readFileSync } from "node:fs";
import path from "node:path";
import type { ConfigFile } from "./config-schema.ts";

/** Relative paths of the environment start at `folder`. */
export interface SecretSource {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
}

/** Variables that hold a secret; each has a twin ending in _FILE that names a file with it. */
export const secretVariables = {
  registryPassword: "MERGEDOCK_REGISTRY_PASSWORD",
  databaseUrl: "MERGEDOCK_DATABASE_URL",
  webhookSecrets: "MERGEDOCK_WEBHOOK_SECRETS",
  adminToken: "MERGEDOCK_ADMIN_TOKEN",
  attestationKey: "MERGEDOCK_ATTESTATION_KEY",
} as const;

const secretCharsMin = 16;
const placeholders = /^(?:change.?me|secret|password|example|placeholder|your[-_ ])|^(.)\1+$/i;

export interface Secrets {
  readonly registryPassword: string | null;
  readonly databaseUrl: string | null;
  readonly webhookSecrets: readonly string[] | null;
  readonly adminToken: string | null;
  /** PEM. */
  readonly attestationKey: string | null;
}

export function readSecrets(
  source: SecretSource,
  file: ConfigFile | undefined,
  fileFolder: string,
  mistakes: string[],
): Secrets {
  const read = (name: string, configured: string | undefined) =>
    readSecret(source, name, configured && path.resolve(fileFolder, configured), mistakes);
  const { registryPassword, databaseUrl, webhookSecrets, adminToken, attestationKey } = secretVariables;
  const lines = read(webhookSecrets, file?.webhooks.secrets_file);
  return {
    registryPassword: read(registryPassword, file?.registry.password_file),
    databaseUrl: read(databaseUrl, file?.database.url_file) ?? (source.env.DATABASE_URL || null),
    webhookSecrets: checkStrong(webhookSecrets, lines?.split(/[\n,]/).map((line) => line.trim()) ?? null, mistakes),
    adminToken: checkStrong(adminToken, toList(read(adminToken, file?.admin.token_file)), mistakes)?.[0] ?? null,
    attestationKey: read(attestationKey, file?.attestations.key_file),
  };
}

function toList(value: string | null): string[] | null {
  return value === null ? null : [value];
}

/** The variable, else the file that its twin names, else the file that the configuration names. */
function readSecret(
  { env, folder }: SecretSource,
  name: string,
  configured: string | undefined,
  mistakes: string[],
): string | null {
  const direct = env[name];
  if (direct !== undefined) return direct.trim();
  const twin = env[`${name}_FILE`];
  const file = twin ? path.resolve(folder, twin) : configured;
  if (!file) return null;
  const secret = readSecretFile(file);
  if (!(secret instanceof Error)) return secret;
  mistakes.push(`${name}_FILE: ${secret.message}`);
  return null;
}

/** Its text without blanks around it, or what kept it from being read. */
export function readSecretFile(file: string): string | Error {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (cause) {
    return new Error(`${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, { cause });
  }
}

/** What is wrong with a secret and what to do, or null. */
export function weaknessOf(secret: string): string | null {
  const help = "make one with: openssl rand -hex 32";
  if (secret.length < secretCharsMin) return `has to have at least ${secretCharsMin} characters; ${help}`;
  return placeholders.test(secret) ? `is a placeholder; ${help}` : null;
}

/** A blank or guessable secret lets everybody in: refuse it instead of pretending. The value itself is never shown. */
function checkStrong(name: string, secrets: readonly string[] | null, mistakes: string[]): readonly string[] | null {
  const given = secrets?.filter((secret, index) => secret !== "" || index === 0) ?? null;
  for (const secret of given ?? []) {
    const weakness = weaknessOf(secret);
    if (weakness !== null) mistakes.push(`${name}: ${weakness}`);
  }
  return given;
}
