// The doctor's look at the registry: its certificate, our account, and whether the engine gets in too.

import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { engineSignsIn } from "./adapters/engine-facts.ts";
import { createRegistryHttp } from "./adapters/registry-http.ts";
import { type Finding, failure, ok, warning } from "./cli/findings.ts";
import { clockFinding } from "./cli/server-findings.ts";
import type { Config } from "./config.ts";
import { toAppError } from "./core/errors.ts";

interface Account {
  readonly username: string;
  readonly password: string;
  /** PEM; null trusts the machine's authorities. */
  readonly ca: string | null;
  /** Null: the machine's authorities. */
  readonly caFile: string | null;
}

const byEngine = "engine's CA";
const skipped = warning(byEngine, "skipped: the registry does not answer", "start the registry, then look again");

/** What a server would make at its first start is not made here. */
export async function registryFindings(config: Config): Promise<Finding[]> {
  if (config.role === "receiver") return [ok("registry", "none is needed: this process has the role receiver")];
  const account = readAccount(config);
  if (typeof account === "string")
    return [failure("registry", account, "start the server once, which makes it: mergedock serve")];
  const own = await askRegistry(config, account);
  return [...own.findings, own.isThere ? await askByEngine(config, account) : skipped];
}

/** The sentence says what is missing. */
function readAccount({ registry, stateFolder }: Config): Account | string {
  const passwordFile = path.join(stateFolder, "registry", "registry-password");
  const caFile = registry.caFile === "system" ? null : (registry.caFile ?? path.join(stateFolder, "certs", "ca.crt"));
  if (registry.password === null && !existsSync(passwordFile))
    return `there is no registry password yet: ${passwordFile}`;
  if (caFile !== null && !existsSync(caFile)) return `there is no CA yet: ${caFile}`;
  const password = registry.password ?? readFileSync(passwordFile, "utf8").trim();
  return { username: registry.username, password, ca: caFile === null ? null : readFileSync(caFile, "utf8"), caFile };
}

interface Asked {
  readonly findings: readonly Finding[];
  /** False: nobody answers there. */
  readonly isThere: boolean;
}

/** Over verified TLS, as the server does it. */
async function askRegistry({ registry, limits }: Config, account: Account): Promise<Asked> {
  const { apiUrl, pushHost: host } = registry;
  const { username, password, ca } = account;
  const timeoutMs = Math.min(limits.registry_seconds_max, 10) * 1000;
  const http = createRegistryHttp({
    host,
    settings: "registry",
    apiUrl,
    ca,
    credentials: { username, password },
    timeoutMs,
  });
  try {
    const call = { method: "GET", path: "/v2/", scope: "", signal: new AbortController().signal } as const;
    const { status, headers } = await http.read(call);
    if (status !== 200) {
      const fix = "is it a registry? registry.api_url says where it is";
      return { findings: [failure("registry", `${apiUrl} answers ${status}`, fix)], isThere: true };
    }
    const version = "its API does not tell its version; Distribution below 3.1.1 has known holes";
    const found = ok("registry", `${apiUrl}: TLS verified, signed in as ${username}; ${version}`);
    return { findings: [found, ...clockFinding("registry", headers.date ?? null, Date.now())], isThere: true };
  } catch (cause) {
    const { code, message } = toAppError(cause);
    const isThere = code !== "unavailable" && code !== "timeout";
    return { findings: [failure("registry", message, fixOf(code, account))], isThere };
  } finally {
    http.close();
  }
}

function fixOf(code: string, { caFile }: Account): string {
  if (code === "unauthorized")
    return "give the registry the account of state/registry/htpasswd, or name another one: registry.username, password_file";
  if (code === "forbidden") {
    const trusted = caFile === null ? "the machine's authorities" : caFile;
    return `its certificate is not of a CA that is trusted here (${trusted}): give the registry state/certs/registry.crt and\nregistry.key, or name its CA: registry.ca_file`;
  }
  return 'start it: README.md, "Use it", or docker compose up -d registry; or say where it is: registry.api_url';
}

/** A real sign-in by the engine: what keeps it away keeps a push away. Nothing is written. */
async function askByEngine(
  { engineHost, registry }: Config,
  { username, password, caFile }: Account,
): Promise<Finding> {
  const { pushHost } = registry;
  try {
    await engineSignsIn(engineHost, { username, password, serveraddress: pushHost });
    return ok(byEngine, `the engine signs in at ${pushHost} (POST /auth)`);
  } catch (cause) {
    const { message } = toAppError(cause);
    const detail = `the engine does not get into ${pushHost}: ${message}`;
    if (!/x509|certificate/.test(message))
      return failure(
        byEngine,
        detail,
        "see that the engine runs, and that it reaches the registry under this name: registry.push_host",
      );
    const ca = caFile ?? "the registry's CA";
    const folder = `/etc/docker/certs.d/${pushHost}`;
    return failure(byEngine, detail, `mkdir -p ${folder} && cp ${ca} ${folder}/ca.crt, on the engine's machine`);
  }
}
