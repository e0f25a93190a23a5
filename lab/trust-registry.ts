// Makes the private engine trust the lab registry's CA, as an operator does: by a file in /etc/docker/certs.d.

import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { currentNamespace } from "./current-namespace.ts";

/** In force at the engine's next request; replaces the CA that was trusted for this host. The machine's own /etc stays untouched. */
export async function trustRegistry({
  host,
  caFile,
}: {
  readonly host: string;
  readonly caFile: string;
}): Promise<void> {
  await currentNamespace();
  const folder = join("/etc/docker/certs.d", host);
  await mkdir(folder, { recursive: true });
  await copyFile(caFile, join(folder, "ca.crt"));
}
