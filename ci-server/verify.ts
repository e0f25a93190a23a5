// `mergedock verify <reference>`: who built an image from what, checked with a public key and the registry alone.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { readPublicKey, type VerificationKey } from "./adapters/dsse.ts";
import { createRegistryHttp, type RegistryHttpOptions } from "./adapters/registry-http.ts";
import { verifyImage } from "./adapters/verify-image.ts";
import { apiUrls } from "./app-registries.ts";
import { publicKeyFile } from "./attestation-key.ts";
import { type Config, type ConfigSource, loadConfig } from "./config.ts";
import { AppError } from "./core/errors.ts";
import { type ImageReference, parseReference } from "./core/parse-reference.ts";
import { toReport, toText } from "./verify-report.ts";

export const usage = `mergedock verify <reference> [--key <file>]... [--json]
                 [--registry-ca <file>] [--username <name> --password-file <file>]

  Checks offline that the image (registry/name:tag or registry/name@sha256:...) has provenance and an SBOM which are signed
  with the key: the registry and the key are asked, and nobody else. Of --key there may be several, after a change of keys.
  What is not given comes from mergedock.yml and the environment; the key from the state folder.

  exit code    0 verified, 1 not verified, 2 usage, 3 the registry cannot be asked`;

const options = {
  key: { type: "string", multiple: true },
  json: { type: "boolean", default: false },
  "registry-ca": { type: "string" },
  username: { type: "string" },
  "password-file": { type: "string" },
} as const;

type Flags = ReturnType<typeof readArguments>["flags"];

/** Prints what it found and sets the exit code. Throws `invalid` (usage), and what keeps the registry from being asked. */
export async function run(args: readonly string[], source: ConfigSource): Promise<void> {
  const { reference, flags } = readArguments(args);
  const config = loadConfig(source);
  const keys = readKeys(flags, config);
  const http = createRegistryHttp(registryOf(reference, flags, config));
  try {
    const found = await verifyImage(http, reference, keys, new AbortController().signal);
    const say = (report: object, text: string) =>
      process.stdout.write(flags.json ? `${JSON.stringify(report, null, 2)}\n` : text);
    if ("problem" in found) {
      say({ verified: false, problem: found.problem }, "");
      process.stderr.write(`mergedock: not verified: ${found.problem}\n`);
      process.exitCode = 1;
      return;
    }
    const report = toReport(`${reference.host}/${reference.path}@${found.digest}`, found);
    say(report, toText(report));
    for (const { digest, problem } of found.refused) process.stderr.write(`not regarded: ${digest}: ${problem}\n`);
  } finally {
    http.close();
  }
}

function readArguments(args: readonly string[]) {
  try {
    const { values: flags, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    if (positionals.length !== 1) throw new Error("it needs one reference");
    if ((flags.username === undefined) !== (flags["password-file"] === undefined))
      throw new Error("--username and --password-file belong together");
    return { reference: parseReference(positionals[0] ?? ""), flags };
  } catch (cause) {
    throw new AppError("invalid", `${(cause as Error).message}\nusage: ${usage}`, { cause });
  }
}

function readKeys(flags: Flags, config: Config): VerificationKey[] {
  const own = publicKeyFile(config);
  const files = flags.key ?? (existsSync(own) ? [own] : []);
  if (files.length === 0) {
    const help = `there is none in ${own}; a server gives its own at /api/v1/attestation-key`;
    throw new AppError("invalid", `say with --key which public key to trust: ${help}`);
  }
  return files.map((file) => readPublicKey(readFile(file, "--key"), file));
}

/** The configured registry when it is the one of the reference, else one with its usual address. */
function registryOf({ host }: ImageReference, flags: Flags, config: Config): RegistryHttpOptions {
  const timeoutMs = config.limits.registry_seconds_max * 1000;
  const known = configuredRegistry(host, config);
  const caFile = flags["registry-ca"] ?? known.caFile;
  const ca = caFile === null ? null : readFile(caFile, "--registry-ca");
  const passwordFile = flags["password-file"];
  const options = { ...known, host, ca, timeoutMs };
  if (flags.username === undefined || passwordFile === undefined) return options;
  const credentials = { username: flags.username, password: readFile(passwordFile, "--password-file").trim() };
  return { ...options, credentials };
}

type Known = Pick<RegistryHttpOptions, "apiUrl" | "credentials" | "settings"> & { readonly caFile: string | null };

function configuredRegistry(host: string, config: Config): Known {
  const { registry, registries, stateFolder } = config;
  if (host === registry.pushHost || host === new URL(registry.apiUrl).host) {
    // What a server on this machine has made for itself.
    const madeCa = path.join(stateFolder, "certs", "ca.crt");
    const madePassword = path.join(stateFolder, "registry", "registry-password");
    const password =
      registry.password ?? (existsSync(madePassword) ? readFile(madePassword, "the password").trim() : null);
    const credentials = password === null ? null : { username: registry.username, password };
    const caFile = registry.caFile ?? (existsSync(madeCa) ? madeCa : null);
    return { settings: "registry", apiUrl: registry.apiUrl, credentials, caFile: caFile === "system" ? null : caFile };
  }
  const other = registries.find((one) => one.host === host);
  const { username = null, password = null, caFile = null } = other ?? {};
  const credentials = username === null || password === null ? null : { username, password };
  return { settings: `registries[${host}]`, apiUrl: apiUrls[host] ?? `https://${host}`, credentials, caFile };
}

function readFile(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new AppError("invalid", `${what}: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`, {
      cause,
    });
  }
}
