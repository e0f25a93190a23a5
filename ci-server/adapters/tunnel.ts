// Asks the ngrok agent which public URL leads to our webhooks. Source: ngrok documentation, "Agent API", GET /api/tunnels.

import { z } from "zod";
import { AppError } from "../core/errors.ts";

// The agent is on this machine or beside this container; a name that nobody knows may take the resolver much longer.
const answerMsMax = 1_000;

const tunnels = z.object({ tunnels: z.array(z.object({ public_url: z.string() })) });

/** One line: the public URL, or that there is none. Never throws: a tunnel is not needed to build. */
export async function describeTunnel(agentUrl: string, signal: AbortSignal): Promise<string> {
  try {
    const url = await findTunnel(agentUrl, signal);
    return url === null ? `the agent at ${agentUrl} has no tunnel yet` : `${url}/webhooks/github`;
  } catch {
    return `none (no ngrok agent at ${agentUrl}): local mode, the webhook is reachable from this machine only`;
  }
}

export async function findTunnel(agentUrl: string, signal: AbortSignal): Promise<string | null> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  const response = await fetch(new URL("/api/tunnels", agentUrl), { signal: limited });
  if (!response.ok) throw new AppError("unavailable", `the tunnel's agent answered ${response.status}`);
  const found = tunnels.parse(await response.json()).tunnels.map((tunnel) => tunnel.public_url);
  return found.find((url) => url.startsWith("https://")) ?? found[0] ?? null;
}
