// Puts the making of a GitHub App together: where its key is kept, and who is asked.

import { mkdir } from "node:fs/promises";
import path from "node:path";
import { replaceFile } from "../certs/files.ts";
import { createAppRequests } from "./adapters/postgres/hooks.ts";
import { createSecretStore } from "./adapters/postgres/webhook-secrets.ts";
import type { Opened } from "./app-opened.ts";
import { appHosts } from "./core/app-manifest.ts";
import type { MadeApp } from "./core/ports.ts";
import type { AppParts } from "./flows/make-app.ts";
import { convertManifest } from "./forges/github/manifest.ts";

export function openAppParts({ config, postgres }: Opened, payloadUrl: AppParts["payloadUrl"]): AppParts {
  return {
    requests: createAppRequests(postgres.pool),
    repositories: config.repositories,
    hosts: appHosts(config.repositories),
    payloadUrl,
    convert: convertManifest,
    secretStore: createSecretStore(postgres.pool),
    keepKey: (app) => keepKey(path.join(config.stateFolder, "secrets"), app),
  };
}

async function keepKey(folder: string, { id, privateKey }: MadeApp): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = path.join(folder, `github-app-${id}.pem`);
  await replaceFile({ file, text: privateKey });
  return file;
}
