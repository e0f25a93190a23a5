// What mergedock.yml and the environment say of the tunnel.

import path from "node:path";
import type { z } from "zod";
import { readSecretFile, type SecretSource } from "./config-secrets.ts";
import type { tunnel, tunnelTypes } from "./config-tunnel-schema.ts";

export const authtokenVariable = "NGROK_AUTHTOKEN";

export interface TunnelConfig {
  readonly type: (typeof tunnelTypes)[number];
  readonly agentUrl: string;
  /** Null: there is none, and no tunnel is opened from within this process. */
  readonly authtoken: string | null;
  readonly domain: string | null;
  /** Of a smee channel. */
  readonly url: string | null;
}

/** The token of the environment, which ngrok's own programs take as well, wins over the file. */
export function toTunnel(
  file: z.infer<typeof tunnel>,
  { env }: SecretSource,
  fileFolder: string,
  mistakes: string[],
): TunnelConfig {
  const { type, agent_url: agentUrl, authtoken_file, domain = null, url = null } = file;
  const given = env[authtokenVariable]?.trim() || null;
  const read =
    given === null && authtoken_file !== undefined ? readSecretFile(path.resolve(fileFolder, authtoken_file)) : given;
  if (read instanceof Error) mistakes.push(`tunnel.authtoken_file: ${read.message}`);
  return { type, agentUrl, authtoken: read instanceof Error ? null : read || null, domain, url };
}
