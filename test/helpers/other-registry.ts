// A second TLS registry with an account of its own, for images that go to more than one.

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeRegistryCredentials } from "../../certs/make-credentials.ts";
import { type Registry, startRegistry } from "../../lab/registry.ts";
import { registryAddress } from "../../lab/registry-address.ts";
import type { Lab } from "./lab.ts";

export interface OtherRegistry extends Registry {
  readonly username: string;
  readonly password: string;
  readonly passwordFile: string;
}

/** Its certificate is of the lab's CA. */
export async function startOtherRegistry(lab: Lab, folder: string): Promise<OtherRegistry> {
  const username = "other";
  const credentials = await makeRegistryCredentials({ folder: join(folder, "credentials"), username });
  const { certificates } = lab;
  const address = { ...registryAddress, port: 5001 };
  const registry = await startRegistry({ folder: join(folder, "registry"), address, credentials, certificates });
  const { passwordFile } = credentials;
  return { ...registry, username, password: (await readFile(passwordFile, "utf8")).trim(), passwordFile };
}
