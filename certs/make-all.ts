// The one-shot of docker-compose.yml: makes every secret of an installation once, and hands each service its own ones only.
// Usage: node certs/make-all.ts HOST... with the names and addresses under which the registry is reached.

import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createOnce, replaceFile } from "./files.ts";
import { makeCertificates } from "./make-certs.ts";
import { makeRegistryCredentials } from "./make-credentials.ts";

/** One service: the volume that it alone mounts, the user (and group) that its image runs as, and what it gets. */
export interface Audience {
  readonly folder: string;
  readonly owner: number;
  readonly files: readonly string[];
}

export interface AllOptions {
  /** Keeps the originals; no service mounts it. */
  readonly vault: string;
  readonly hosts: readonly string[];
  readonly audiences: readonly Audience[];
}

const audiences: readonly Audience[] = [
  { folder: "/for/registry", owner: 0, files: ["registry.crt", "registry.key", "htpasswd"] },
  // 999 is the user postgres of the Debian variants of the image.
  { folder: "/for/postgres", owner: 999, files: ["postgres-password"] },
  {
    folder: "/for/ci-server",
    owner: 1000,
    files: ["ca.crt", "registry-password", "database-url", "webhook-secret", "admin-token"],
  },
];

if (import.meta.main) await makeAll({ vault: "/vault", hosts: process.argv.slice(2), audiences });

/** May run at every start: what is there is kept, and the copies of the services are made whole again. */
export async function makeAll({ vault, hosts, audiences }: AllOptions): Promise<void> {
  await makeCertificates({ folder: vault, hosts });
  await makeRegistryCredentials({ folder: vault, username: "ci" });
  const secret = (name: string) => createOnce({ file: join(vault, name), text: randomBytes(32).toString("base64url") });
  await secret("webhook-secret");
  await secret("admin-token");
  const password = await secret("postgres-password");
  const url = `postgres://mergedock:${password}@postgres:5432/mergedock`;
  await replaceFile({ file: join(vault, "database-url"), text: url });
  for (const audience of audiences) await handOut(vault, audience);
}

async function handOut(vault: string, { folder, owner, files }: Audience): Promise<void> {
  for (const name of files) {
    const text = await readFile(join(vault, name), "utf8");
    await replaceFile({ file: join(folder, name), text, mode: 0o400, owner });
  }
}
