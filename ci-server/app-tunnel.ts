// Puts the tunnel together: which one the configuration means, what the log hears of it, and who is told of a new address.

import type { Logger } from "pino";
import { systemClock } from "./adapters/clock.ts";
import { createAgentTunnel } from "./adapters/tunnel/agent.ts";
import { createAutoTunnel } from "./adapters/tunnel/auto.ts";
import { createSdkTunnel } from "./adapters/tunnel/sdk.ts";
import { createSmeeTunnel } from "./adapters/tunnel/smee.ts";
import type { Config } from "./config.ts";
import { AppError } from "./core/errors.ts";
import type { Forge, ForgeRequest, Tunnel } from "./core/ports.ts";
import { localMode, payloadUrlAt } from "./core/public-address.ts";
import type { HookParts } from "./flows/hooks.ts";
import { repointHooks } from "./flows/repoint-hooks.ts";
import { startWatchingTunnel, type TunnelEvent } from "./flows/watch-tunnel.ts";

export interface TunnelNeeds {
  readonly config: Pick<Config, "tunnel" | "webhooksPublicUrl" | "limits">;
  readonly log: Logger;
  readonly forges: readonly Forge[];
}

/** Nothing is begun before it is opened. */
export function createTunnel(needs: TunnelNeeds): Tunnel {
  const { webhooksPublicUrl } = needs.config;
  if (webhooksPublicUrl !== null) return ownProxy(webhooksPublicUrl);
  const { type, agentUrl, authtoken } = needs.config.tunnel;
  if (type === "none") return noTunnel("tunnel.type says so");
  if (type === "smee") return createSmee(needs);
  if (type === "agent") return createAgentTunnel({ agentUrl, isWanted: true });
  if (type === "ngrok") return authtoken === null ? noTunnel("no NGROK_AUTHTOKEN") : createSdk(needs, authtoken);
  if (authtoken === null) return createAgentTunnel({ agentUrl, isWanted: false, lacks: ", no NGROK_AUTHTOKEN" });
  return createAutoTunnel(createAgentTunnel({ agentUrl, isWanted: false }), createSdk(needs, authtoken));
}

/** One line: the payload URL of each forge, or why there is none. */
export async function describeTunnel(
  tunnel: Pick<Tunnel, "look">,
  forges: readonly Pick<Forge, "name">[],
  signal: AbortSignal,
): Promise<string> {
  const state = await tunnel.look(signal);
  if (state.address === null) return state.why;
  const { address } = state;
  return [...new Set(forges.map(({ name }) => payloadUrlAt(address, name)))].join(", ");
}

/** The operator's own goes before any tunnel, and nothing has to be opened. */
function ownProxy(url: string): Tunnel {
  const address = { url, isChannel: false };
  return { open: () => undefined, look: async () => ({ address }), close: async () => undefined };
}

function noTunnel(because: string): Tunnel {
  return { open: () => undefined, look: async () => localMode(because), close: async () => undefined };
}

function createSdk({ config: { tunnel, limits } }: TunnelNeeds, authtoken: string): Tunnel {
  const retryMsMax = limits.tunnel_retry_seconds_max * 1000;
  return createSdkTunnel({ authtoken, domain: tunnel.domain, retryMsMax, clock: systemClock });
}

function createSmee({ config: { tunnel, limits }, log, forges }: TunnelNeeds): Tunnel {
  return createSmeeTunnel({
    // The schema has it for this type.
    url: tunnel.url ?? "",
    bodyBytesMax: limits.body_bytes_max,
    retryMsMax: limits.tunnel_retry_seconds_max * 1000,
    clock: systemClock,
    forgeOf: (headers) => senderOf(forges, headers),
    isSigned: (name, request) => isSigned(forges, name, request),
    report: (trouble) => log.warn(trouble, "a delivery of the smee channel was not taken"),
  });
}

/** Forges that came later send GitHub's headers beside their own. */
function senderOf(forges: readonly Forge[], headers: ForgeRequest["headers"]): string | null {
  const senders = forges.map(({ name }) => name).filter((name) => headers[`x-${name}-event`] !== undefined);
  return senders.find((name) => name !== "github") ?? senders[0] ?? null;
}

function isSigned(forges: readonly Forge[], name: string, request: ForgeRequest): boolean {
  try {
    return forges.find((forge) => forge.name === name)?.receive(request) !== undefined;
  } catch {
    return false;
  }
}

export interface TunnelWatch extends TunnelNeeds {
  readonly tunnel: Tunnel;
  /** Where the webhook listener is bound. */
  readonly webhookUrl: string;
  readonly hooks: HookParts;
}

/** Opens it and watches it from now on, without waiting for it; returns how to end both. */
export function startTunnel({ tunnel, webhookUrl, config, log, forges, hooks }: TunnelWatch): () => Promise<void> {
  const { hostname, port } = new URL(webhookUrl);
  tunnel.open({ host: hostname.replace(/^\[|\]$/g, ""), port: Number(port) });
  const stop = startWatchingTunnel({
    ...{ tunnel, clock: systemClock, everySeconds: config.limits.tunnel_check_seconds },
    retryMsMax: config.limits.tunnel_retry_seconds_max * 1000,
    onUrl: async (address, signal) => {
      const { failed } = await repointHooks(hooks, address, signal);
      // The log has each of them.
      if (failed > 0) throw new AppError("unavailable", `${failed} webhook(s) still lead to the old address`);
    },
    report: (event) => write(log, forges, event),
  });
  return async () => {
    await stop();
    await tunnel.close();
  };
}

function write(log: Logger, forges: readonly Forge[], event: TunnelEvent): void {
  if (event.kind === "trouble") {
    log.warn({ why: event.why }, "no tunnel");
    return;
  }
  const { url } = event.address;
  const payloadUrls = [...new Set(forges.map(({ name }) => payloadUrlAt(event.address, name)))];
  if (event.kind === "opened") log.info({ url, payloadUrls }, "the webhooks have a public address");
  else if (event.kind === "changed")
    log.warn({ url, payloadUrls, before: event.before.url }, "the public address has changed");
  else if (event.kind === "away") log.warn({ url, why: event.why }, "the public address is away");
  else if (event.kind === "back") log.info({ url }, "the public address is back");
  else log.warn({ url, err: event.error }, "hooks do not follow the public address yet, it is tried again");
}
