// The demo's TLS registry: a process beside a private engine; beside an engine that is there a container, or a process.

import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import type Docker from "dockerode";
import { makeCertificates } from "../certs/make-certs.ts";
import { makeRegistryCredentials } from "../certs/make-credentials.ts";
import { installPackages } from "../lab/packages.ts";
import { startRegistry } from "../lab/registry.ts";
import { registryAddress } from "../lab/registry-address.ts";
import { trustRegistry } from "../lab/trust-registry.ts";
import { hasRegistryImage, startRegistryContainer } from "./registry-container.ts";

export interface DemoRegistry {
  /** `name:port`, as it stands in front of an image's name. */
  readonly host: string;
  readonly apiUrl: string;
  readonly caFile: string;
  readonly username: string;
  readonly passwordFile: string;
  /** What it is, for the story. */
  readonly what: string;
  stop(): Promise<void>;
}

export interface RegistryPlace {
  readonly folder: string;
  readonly docker: Docker;
  /** True in the demo's own namespaces, where the engine can be made to verify the registry's certificate. */
  readonly isPrivate: boolean;
}

const username = "ci";

export async function startDemoRegistry({ folder, docker, isPrivate }: RegistryPlace): Promise<DemoRegistry> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Docker takes every address in 127.0.0.0/8 for one that it need not verify: in the namespaces we have another.
  const address = isPrivate
    ? { ...registryAddress, port: 5000 }
    : { ip: "127.0.0.1", port: await freePort(), hostName: "localhost" };
  const certificates = await makeCertificates({
    folder: path.join(folder, "certs"),
    hosts: [address.hostName, address.ip],
  });
  const credentials = await makeRegistryCredentials({ folder: path.join(folder, "credentials"), username });
  const options = { folder, address, certificates, credentials };
  const account = { username, passwordFile: credentials.passwordFile };
  if (!isPrivate && (await hasRegistryImage(docker))) {
    return { ...(await startRegistryContainer(docker, options)), ...account, what: "the image registry:2" };
  }
  await installPackages(["docker-registry"]);
  const registry = await startRegistry(options);
  if (isPrivate) await trustRegistry(registry);
  return { ...registry, ...account, what: "the package docker-registry" };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo; // a TCP server's address is an object
  server.close();
  await once(server, "close");
  return port;
}
