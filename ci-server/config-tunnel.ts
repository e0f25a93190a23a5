// What mergedock.yml may say of the tunnel, and what becomes of it.

import path from "node:path";
import { z } from "zod";
import { readSecretFile, type SecretSource } from "./config-secrets.ts";

export const tunnelTypes = ["auto", "agent", "ngrok", "smee", "none"] as const;
export const authtokenVariable = "NGROK_AUTHTOKEN";

const httpUrl = (example: string) => z.url({ protocol: /^https?$/, error: `has to be a URL, such as ${example}` });

export const tunnel = z
  .strictObject({
    type: z.enum(tunnelTypes, `has to be one of ${tunnelTypes.join(", ")}`).default("auto"),
    agent_url: httpUrl("http://127.0.0.1:4040").default("http://127.0.0.1:4040"),
    authtoken_file: z.string().min(1).optional(),
    domain: z
      .string()
      .regex(
        /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+$/,
        "has to be a host name, such as example.ngrok-free.dev, without https://",
      )
      .optional(),
    url: httpUrl("https://smee.io/abc").optional(),
  })
  .refine(({ type, url }) => (type === "smee") === (url !== undefined), {
    path: ["url"],
    error: "belongs to type smee, which needs it: open https://smee.io/new and copy the address that it leads to",
  })
  .prefault({});

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
