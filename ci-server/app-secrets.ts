// The secrets and certificates that the configuration does not name: made in the state folder, once.

import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { createOnce } from "../certs/files.ts";
import { makeCertificates } from "../certs/make-certs.ts";
import { makeRegistryCredentials } from "../certs/make-credentials.ts";
import type { Config } from "./config.ts";
import { weaknessOf } from "./config-secrets.ts";
import { type CredentialsByHost, credentialHost } from "./core/credentials.ts";
import { AppError } from "./core/errors.ts";
import { failedBuild } from "./core/failure.ts";
import type { Repository } from "./core/recipe.ts";

export interface IntakeSecrets {
  readonly webhookSecrets: readonly string[];
  readonly adminToken: string;
}

export interface RegistrySecrets {
  readonly password: string;
  /** PEM; null trusts the machine's authorities. */
  readonly ca: string | null;
}

/** For whoever takes deliveries and answers the API. */
export async function intakeSecrets(config: Config): Promise<IntakeSecrets> {
  const file = (name: string) => path.join(config.stateFolder, "secrets", name);
  return {
    webhookSecrets: config.webhookSecrets ?? [await readOrMakeSecret(file("webhook-secret"))],
    adminToken: config.adminToken ?? (await readOrMakeSecret(file("admin-token"))),
  };
}

/** For whoever builds. */
export async function registrySecrets(config: Config): Promise<RegistrySecrets> {
  return { password: config.registry.password ?? (await makeRegistryPassword(config)), ca: await readOrMakeCa(config) };
}

/** Those of our own registry and of the others that have any. */
export function credentialsByHost({ registry, registries }: Config, password: string): CredentialsByHost {
  const others = registries.flatMap(({ host, username, password: other }) =>
    username === null || other === null ? [] : [[credentialHost(host), { username, password: other }] as const],
  );
  return new Map([...others, [credentialHost(registry.pushHost), { username: registry.username, password }]]);
}

/**
 * The values of a repository's secrets as bytes, so many together at most. What is wrong with one is told without its path:
 * whoever reads a build's log needs to know which it is, and not where it lies.
 */
export async function readRepositorySecrets(
  { name, secrets }: Repository,
  names: readonly string[],
  bytesMax: number,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const values = new Map<string, Uint8Array>();
  let bytes = 0;
  for (const secret of names) {
    const file = Object.hasOwn(secrets, secret) ? secrets[secret] : undefined;
    if (file === undefined) throw unknownSecret(name, secret);
    const unreadable = (cause: NodeJS.ErrnoException) => {
      throw unreadableSecret(name, secret, `cannot be read (${cause.code})`, cause);
    };
    bytes += (await stat(file).catch(unreadable)).size;
    if (bytes > bytesMax)
      throw unreadableSecret(
        name,
        secret,
        `is too large: all of a build's secrets have to be at most ${bytesMax} bytes`,
      );
    values.set(secret, await readFile(file).catch(unreadable));
  }
  return values;
}

function unknownSecret(repository: string, secret: string): AppError {
  const hint = `name the file of "${secret}" under "secrets" of ${repository} in mergedock.yml, or correct the name in the recipe`;
  return failedBuild("not_found", `${repository} has no secret "${secret}" on this server`, { kind: "secret", hint });
}

function unreadableSecret(repository: string, secret: string, why: string, cause?: unknown): AppError {
  const hint = `see to the file that "secrets" of ${repository} in mergedock.yml names for "${secret}"`;
  return failedBuild(
    "internal",
    `the file of the secret "${secret}" of ${repository} ${why}`,
    { kind: "secret", hint },
    cause,
  );
}

/** Tells this state folder's attempts from those of others; no secret. */
export async function readOrMakeWorkerId(config: Config): Promise<string> {
  return (await createOnce({ file: path.join(config.stateFolder, "worker-id"), text: `${randomUUID()}\n` })).trim();
}

/** 32 random bytes in hex, made once. */
async function readOrMakeSecret(file: string): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  const secret = (await createOnce({ file, text: `${randomBytes(32).toString("hex")}\n` })).trim();
  const weakness = weaknessOf(secret);
  if (weakness !== null) throw new AppError("invalid", `${file}: ${weakness}, or remove the file to have one made`);
  return secret;
}

async function makeRegistryPassword(config: Config): Promise<string> {
  const folder = path.join(config.stateFolder, "registry");
  const { passwordFile } = await makeRegistryCredentials({ folder, username: config.registry.username });
  return (await readFile(passwordFile, "utf8")).trim();
}

/** For whoever does not build: a file that is named may be meant for the workers alone. */
export async function configuredCa({ registry: { caFile } }: Config): Promise<string | null> {
  return caFile === null || caFile === "system" ? null : readFile(caFile, "utf8").catch(() => null);
}

async function readOrMakeCa(config: Config): Promise<string | null> {
  const { caFile, apiUrl } = config.registry;
  if (caFile === "system") return null;
  if (caFile !== null) {
    return readFile(caFile, "utf8").catch((cause: NodeJS.ErrnoException) => {
      throw new AppError("invalid", `registry.ca_file: ${caFile} cannot be read (${cause.code})`, { cause });
    });
  }
  const hosts = [...new Set(["localhost", "127.0.0.1", new URL(apiUrl).hostname])];
  const made = await makeCertificates({ folder: path.join(config.stateFolder, "certs"), hosts });
  return readFile(made.caFile, "utf8");
}
