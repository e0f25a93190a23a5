// The environment's part of the configuration: which variable stands for which field, and that there is no other.

import path from "node:path";
import type { LoadedFile } from "./config-file.ts";
import { type SecretSource, secretVariables } from "./config-secrets.ts";

/** Variables that stand for a field of the file. */
export const plainVariables: Readonly<Record<string, readonly [string] | readonly [string, string]>> = {
  MERGEDOCK_ROLE: ["role"],
  MERGEDOCK_STATE_DIR: ["state_dir"],
  MERGEDOCK_LISTEN_API: ["listen", "api"],
  MERGEDOCK_LISTEN_WEBHOOKS: ["listen", "webhooks"],
  MERGEDOCK_REGISTRY_PUSH_HOST: ["registry", "push_host"],
  MERGEDOCK_REGISTRY_API_URL: ["registry", "api_url"],
  MERGEDOCK_REGISTRY_CA_FILE: ["registry", "ca_file"],
  MERGEDOCK_REGISTRY_USERNAME: ["registry", "username"],
  MERGEDOCK_ENGINE_HOST: ["engine", "host"],
  MERGEDOCK_ATTESTATIONS_ENABLED: ["attestations", "enabled"],
  MERGEDOCK_TUNNEL_TYPE: ["tunnel", "type"],
  MERGEDOCK_TUNNEL_AGENT_URL: ["tunnel", "agent_url"],
  MERGEDOCK_TUNNEL_DOMAIN: ["tunnel", "domain"],
  MERGEDOCK_TUNNEL_URL: ["tunnel", "url"],
  MERGEDOCK_LOG_LEVEL: ["log", "level"],
  MERGEDOCK_PUBLIC_URL: ["public_url"],
  MERGEDOCK_WEBHOOKS_PUBLIC_URL: ["webhooks", "public_url"],
};

/** Of a command that asks a server, not of the server. */
const clientVariables = ["MERGEDOCK_SERVER", "MERGEDOCK_TOKEN", "MERGEDOCK_TOKEN_FILE"];

const pathFields = new Set(["state_dir", "ca_file"]);

/** `content` with what the environment says, which wins over the file. */
export function withEnvironment(
  { env, folder }: SecretSource,
  content: LoadedFile["content"],
  fileFolder: string,
  mistakes: string[],
): LoadedFile["content"] {
  const merged = structuredClone(content);
  for (const [variable, [section, field]] of Object.entries(plainVariables)) {
    const value = env[variable];
    if (value === undefined || value === "") continue;
    const isPath = pathFields.has(field ?? section) && value !== "system";
    // Paths of the file are resolved against its own folder later on; an absolute one stays as it is.
    const resolved = isPath && folder !== fileFolder ? path.resolve(folder, value) : value;
    if (field === undefined) merged[section] = resolved;
    else merged[section] = { ...(merged[section] as object | undefined), [field]: resolved };
  }
  // Docker's own variable, for whoever has set it already; it does not win over what is written for Mergedock.
  const engine = merged.engine as { host?: unknown } | undefined;
  if (env.DOCKER_HOST && engine?.host === undefined) merged.engine = { ...engine, host: env.DOCKER_HOST };
  const known = new Set([
    "MERGEDOCK_CONFIG",
    ...clientVariables,
    ...Object.keys(plainVariables),
    ...Object.values(secretVariables).flatMap((name) => [name, `${name}_FILE`]),
  ]);
  for (const name of Object.keys(env)) {
    if (name.startsWith("MERGEDOCK_") && !known.has(name))
      mistakes.push(`${name}: there is no such variable; there are: ${[...known, "DATABASE_URL"].sort().join(", ")}`);
  }
  return merged;
}
