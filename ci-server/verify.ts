// `mergedock verify <reference>`: who built an image from what, checked with a public key and the registry alone.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { readPublicKey, type VerificationKey } from "./adapters/dsse.ts";
import { createRegistryHttp, type RegistryHttpOptions } from "./adapters/registry-http.ts";
import { verifyImage } from "./adapters/verify-image.ts";
import { apiUrls } from "./app-registries.ts";
import { publicKeyFile } from "./attestation-key.ts";
import { type Context, hasOption, type Input, textOption, textsOption } from "./cli/command.ts";
import { exitCodes } from "./cli/exit-codes.ts";
import { type Config, loadConfig } from "./config.ts";
import { AppError } from "./core/errors.ts";
import { type ImageReference, parseReference } from "./core/parse-reference.ts";
import { toReport, toText } from "./verify-report.ts";

interface Flags {
  readonly keys: readonly string[];
  readonly registryCa: string | null;
  readonly username: string | null;
  readonly passwordFile: string | null;
}

/** Returns 1 when the image is not verified. Throws `invalid` (usage), and what keeps the registry from being asked. */
export async function run({ stdout, stderr, env, folder }: Context, input: Input): Promise<number> {
  const { reference, flags } = readInput(input);
  const config = loadConfig({ env, folder });
  const keys = readKeys(flags, config);
  const http = createRegistryHttp(registryOf(reference, flags, config));
  try {
    const found = await verifyImage(http, reference, keys, new AbortController().signal);
    const say = (report: object, text: string) =>
      stdout.write(hasOption(input, "json") ? `${JSON.stringify(report, null, 2)}\n` : text);
    if ("problem" in found) {
      say({ verified: false, problem: found.problem }, "");
      stderr.write(`mergedock: not verified: ${found.problem}\n`);
      return exitCodes.buildFailed;
    }
    const report = toReport(`${reference.host}/${reference.path}@${found.digest}`, found);
    say(report, toText(report));
    for (const { digest, problem } of found.refused) stderr.write(`not regarded: ${digest}: ${problem}\n`);
    return exitCodes.ok;
  } finally {
    http.close();
  }
}

function readInput(input: Input): { readonly reference: ImageReference; readonly flags: Flags } {
  const [username, passwordFile] = [textOption(input, "username"), textOption(input, "passwordFile")];
  if ((username === null) !== (passwordFile === null))
    throw new AppError("invalid", "--username and --password-file belong together");
  const flags = {
    keys: textsOption(input, "key"),
    registryCa: textOption(input, "registryCa"),
    username,
    passwordFile,
  };
  return { reference: parseReference(input.args[0] ?? ""), flags };
}

function readKeys(flags: Flags, config: Config): VerificationKey[] {
  const own = publicKeyFile(config);
  const files = flags.keys.length > 0 ? flags.keys : existsSync(own) ? [own] : [];
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
  const caFile = flags.registryCa ?? known.caFile;
  const ca = caFile === null ? null : readFile(caFile, "--registry-ca");
  const { username, passwordFile } = flags;
  const options = { ...known, host, ca, timeoutMs };
  if (username === null || passwordFile === null) return options;
  const credentials = { username, password: readFile(passwordFile, "--password-file").trim() };
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
