// The lying proxy between a server and the lab's engine or registry, with what the server has to be told to go through it.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeCertificates } from "../../certs/make-certs.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import type { Lab } from "./lab.ts";
import { type Lie, type LyingProxy, startLyingProxy } from "./lying-proxy.ts";

export interface LabProxy {
  readonly proxy: LyingProxy;
  /** For the environment of the server. */
  readonly env: Readonly<Record<string, string>>;
}

/** `folder`: for the certificates of the proxy. */
export async function proxyRegistry(lab: Lab, folder: string, lie: Lie): Promise<LabProxy> {
  const made = await makeCertificates({ folder, hosts: ["localhost"] });
  const [cert, key, ca] = await Promise.all(
    [made.certFile, made.keyFile, lab.registry.caFile].map((file) => readFile(file, "utf8")),
  );
  // The TLS options of node:https; the proxy's own type knows those of node:http.
  const upstream = { host: registryAddress.ip, port: 5000, servername: registryAddress.hostName, ca } as object;
  const proxy = await startLyingProxy({ upstream, isTls: true, tls: { cert: cert ?? "", key: key ?? "" }, lie });
  const env = {
    MERGEDOCK_REGISTRY_API_URL: `https://localhost:${proxy.port}`,
    MERGEDOCK_REGISTRY_CA_FILE: made.caFile,
  };
  return { proxy, env };
}

/** `folder`: for the socket. */
export async function proxyEngine(lab: Lab, folder: string, lie: Lie): Promise<LabProxy> {
  const socketPath = join(folder, "engine.sock");
  const upstream = { socketPath: lab.engine.socketPath };
  const proxy = await startLyingProxy({ upstream, isTls: false, socketPath, lie });
  return { proxy, env: { MERGEDOCK_ENGINE_HOST: `unix://${socketPath}` } };
}
