// ngrok's agent, which runs beside us: asks it which of its tunnels leads to our webhook listener.
// Source: ngrok documentation, "ngrok Agent API": GET /api/endpoints, and GET /api/tunnels of older agents.

import { z } from "zod";
import { AppError } from "../../core/errors.ts";
import type { Tunnel, TunnelState, TunnelTarget } from "../../core/ports.ts";
import { localMode } from "../../core/public-address.ts";
import { chooseTunnel, type FoundTunnel, leadsHere, readUpstream } from "../../core/tunnel-choice.ts";
import { readAtMost } from "../bounded-stream.ts";
import { hostNamesFor } from "./host-names.ts";

// The agent is on this machine or beside this container; a name that nobody knows may take the resolver much longer.
const answerMsMax = 1_000;
const answerBytesMax = 1024 * 1024;
const namedMax = 3;

const endpoint = z
  .object({ url: z.string(), upstream: z.object({ url: z.coerce.string() }) })
  .transform(({ url, upstream }): FoundTunnel => ({ publicUrl: url, leadsTo: upstream.url }));
const tunnel = z
  .object({ public_url: z.string(), config: z.object({ addr: z.coerce.string() }) })
  .transform(({ public_url, config }): FoundTunnel => ({ publicUrl: public_url, leadsTo: config.addr }));
const endpoints = z.object({ endpoints: z.array(z.unknown()) }).transform((given) => known(endpoint, given.endpoints));
const tunnels = z.object({ tunnels: z.array(z.unknown()) }).transform((given) => known(tunnel, given.tunnels));

export interface AgentOptions {
  readonly agentUrl: string;
  /** No tunnel is trouble: the operator has named the agent. */
  readonly isWanted: boolean;
  /** What else is missing, for the line that says so. */
  readonly lacks?: string;
}

export interface AgentTunnel extends Tunnel {
  /** An agent is there, and it is not one that has tunnels for others only. */
  isForUs(signal: AbortSignal): Promise<boolean>;
}

/** An agent that is away, slow or not an agent is `why` there is no address. */
export function createAgentTunnel(options: AgentOptions): AgentTunnel {
  let target: TunnelTarget | null = null;
  let chosen: string | null = null;
  return {
    open(given) {
      target = given;
    },
    async look(signal) {
      if (target === null) return localMode("it is not open");
      const found = await findTunnels(options, target, signal);
      if ("address" in found) return found;
      const url = chooseTunnel(found.ours, chosen);
      if (url === null) return noneLeadsHere(options, target, found.all);
      chosen = url;
      return { address: { url, isChannel: false } };
    },
    async isForUs(signal) {
      if (target === null) return false;
      const found = await findTunnels(options, target, signal);
      return "all" in found && (found.all.length === 0 || found.ours.length > 0);
    },
    async close() {
      target = null;
    },
  };
}

interface Found {
  readonly all: readonly FoundTunnel[];
  readonly ours: readonly FoundTunnel[];
}

async function findTunnels(
  { agentUrl, isWanted, lacks = "" }: AgentOptions,
  target: TunnelTarget,
  signal: AbortSignal,
): Promise<Found | TunnelState> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(answerMsMax)]);
  const host = new URL(agentUrl).hostname.replace(/^\[|\]$/g, "");
  const names = hostNamesFor(host, limited);
  if ((await names.addressesOf(host)).length === 0) return localMode(`no ngrok agent at ${agentUrl}${lacks}`, isWanted);
  const answers = await Promise.allSettled([
    ask(agentUrl, "/api/endpoints", endpoints, limited),
    ask(agentUrl, "/api/tunnels", tunnels, limited),
  ]);
  const all = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
  const odd = answers.find((answer) => answer.status === "rejected" && answer.reason instanceof AppError);
  if (answers.every(({ status }) => status === "rejected"))
    return odd === undefined
      ? localMode(`no ngrok agent at ${agentUrl}${lacks}`, isWanted)
      : localMode(`what answers at ${agentUrl} is no ngrok agent${lacks}`, isWanted);
  const checked = await Promise.all(
    all.map(async (one) => {
      const upstream = readUpstream(one.leadsTo);
      return upstream !== null && (await leadsHere(upstream, target, names)) ? [one] : [];
    }),
  );
  return { all, ours: checked.flat() };
}

function noneLeadsHere(
  { agentUrl }: AgentOptions,
  { host, port }: TunnelTarget,
  all: readonly FoundTunnel[],
): TunnelState {
  const others = [...new Set(all.map(({ leadsTo }) => leadsTo))].slice(0, namedMax).join(", ");
  const has = others === "" ? "has no tunnel yet" : `has no tunnel to ${host}:${port}, only to ${others}`;
  return localMode(`the ngrok agent at ${agentUrl} ${has}`, true);
}

/** Throws AppError for an answer that is none of an agent's, and fetch's error where there is no answer. */
async function ask(
  agentUrl: string,
  path: string,
  schema: z.ZodType<FoundTunnel[]>,
  signal: AbortSignal,
): Promise<FoundTunnel[]> {
  const response = await fetch(new URL(path, agentUrl), { signal, redirect: "error" });
  const bytes = await readAtMost(response.body, answerBytesMax);
  if (bytes === null) throw new AppError("too_large", `${path} was answered with more than ${answerBytesMax} bytes`);
  if (!response.ok) throw new AppError("unavailable", `${path} was answered with ${response.status}`);
  try {
    return schema.parse(JSON.parse(bytes.toString("utf8")));
  } catch (cause) {
    throw new AppError("unavailable", `${path} was not answered as an agent does`, { cause });
  }
}

/** What is not understood, as a tunnel by labels, is no tunnel of ours. */
function known(schema: z.ZodType<FoundTunnel>, given: readonly unknown[]): FoundTunnel[] {
  return given.flatMap((one) => {
    const { data } = schema.safeParse(one);
    return data === undefined ? [] : [data];
  });
}
