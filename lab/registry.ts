// A TLS registry of one account: Distribution on registry/config.yml, as a process.

import { randomBytes } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { httpStatus } from "./http-status.ts";
import { startService } from "./service.ts";

export type RegistryOptions = {
  /** Images and log; one registry at a time may use it. */
  readonly folder: string;
  /** Where it listens, and under which name of its certificate it is asked. */
  readonly address: { readonly ip: string; readonly port: number; readonly hostName: string };
  readonly credentials: { readonly htpasswdFile: string };
  readonly certificates: { readonly caFile: string; readonly certFile: string; readonly keyFile: string };
};

export type Registry = {
  /** `name:port`, as it stands in front of an image's name. */
  readonly host: string;
  readonly apiUrl: string;
  readonly caFile: string;
  readonly pid: number;
  stop(): Promise<void>;
};

const config = join(import.meta.dirname, "../registry/config.yml");

/** Ready when `/v2/` answers 401 over TLS verified with the CA. Throws with the end of the registry's log otherwise. */
export async function startRegistry(options: RegistryOptions): Promise<Registry> {
  const { folder, address, certificates } = options;
  await mkdir(folder, { recursive: true });
  const ca = await readFile(certificates.caFile, "utf8");
  const service = await startService({
    command: ["docker-registry", "serve", config],
    env: environment(options),
    logFile: join(folder, "registry.log"),
    isReady: () => refusesAnonymous(address, ca),
    readyTimeoutMs: 15_000,
    stopTimeoutMs: 5_000,
  });
  const host = `${address.hostName}:${address.port}`;
  return { host, apiUrl: `https://${host}`, caFile: certificates.caFile, pid: service.pid, stop: service.stop };
}

function environment({ folder, address, credentials, certificates }: RegistryOptions): NodeJS.ProcessEnv {
  return {
    REGISTRY_HTTP_ADDR: `${address.ip}:${address.port}`,
    REGISTRY_HTTP_SECRET: randomBytes(32).toString("hex"),
    REGISTRY_HTTP_TLS_CERTIFICATE: certificates.certFile,
    REGISTRY_HTTP_TLS_KEY: certificates.keyFile,
    REGISTRY_AUTH_HTPASSWD_PATH: credentials.htpasswdFile,
    REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: join(folder, "data"),
  };
}

async function refusesAnonymous({ ip, port, hostName }: RegistryOptions["address"], ca: string): Promise<boolean> {
  const options = { host: ip, port, servername: hostName, path: "/v2/", ca, agent: false, timeout: 1_000 };
  return (await httpStatus(request(options))) === 401;
}
