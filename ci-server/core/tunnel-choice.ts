// Which of an agent's tunnels is ours.

import type { TunnelTarget } from "./ports.ts";

export interface FoundTunnel {
  readonly publicUrl: string;
  /** As the agent writes it: `http://ci-server:8088`, `localhost:8088`, `8088`. */
  readonly leadsTo: string;
}

export interface Upstream {
  readonly host: string;
  readonly port: number;
}

/** Null: it does not lead to an HTTP server. */
export function readUpstream(text: string): Upstream | null {
  const isPort = /^\d{1,5}$/.test(text);
  const url = /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `http://${isPort ? `localhost:${text}` : text}`;
  if (!URL.canParse(url)) return null;
  const { protocol, hostname, port } = new URL(url);
  if (protocol !== "http:" || hostname === "") return null;
  return { host: hostname.replace(/^\[|\]$/g, ""), port: port === "" ? 80 : Number(port) };
}

export interface HostNames {
  /** Who uses the name is on this machine, so that its loopback is ours. */
  readonly isLocal: boolean;
  /** None where nobody knows the name. */
  readonly addressesOf: (name: string) => Promise<readonly string[]>;
  /** This machine's, without loopback: for others that is another machine. */
  readonly ownAddresses: () => readonly string[];
}

/** By which a container knows the machine that it runs on. */
const machineNames = ["host.docker.internal", "gateway.docker.internal", "host.containers.internal"];

/** Whether it is the address at which we listen. Another program's tunnel must not get our hooks. */
export async function leadsHere({ host, port }: Upstream, target: TunnelTarget, names: HostNames): Promise<boolean> {
  if (port !== target.port) return false;
  const isListeningEverywhere = ["0.0.0.0", "::"].includes(target.host);
  if (isLoopback(host)) return names.isLocal && (isListeningEverywhere || isLoopback(target.host));
  if (names.isLocal && machineNames.includes(host)) return true;
  const own = isListeningEverywhere ? names.ownAddresses() : [target.host];
  return own.includes(host) || (await names.addressesOf(host)).some((address) => own.includes(address));
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(?:\.\d{1,3}){3}$/.test(host);
}

/** Of those that are ours: https first; among equals the one that was chosen before, then the agent's order. */
export function chooseTunnel(ours: readonly FoundTunnel[], before: string | null): string | null {
  const urls = ours.map(({ publicUrl }) => publicUrl).filter((url) => URL.canParse(url));
  for (const scheme of ["https://", "http://"]) {
    const such = urls.filter((url) => url.startsWith(scheme));
    if (before !== null && such.includes(before)) return before;
    if (such[0] !== undefined) return such[0];
  }
  return null;
}
