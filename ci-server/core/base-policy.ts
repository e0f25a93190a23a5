// Which hosts a Dockerfile may let the engine speak to: the registries of its images, and the sources of ADD.

import { type BaseReference, dockerHub, parseBaseReference } from "./base-reference.ts";
import type { Need, Needs } from "./dockerfile-needs.ts";
import { unknown } from "./expand.ts";
import { hostnameOf, isPublicHost } from "./public-host.ts";

/** Lists are of hosts, with the port where one is meant; `*` is any host. */
export interface BasePolicy {
  /** Null: Docker Hub, every public name, and the registries that are configured. */
  readonly registries: readonly string[] | null;
  /** Null: every public name. */
  readonly addHosts: readonly string[] | null;
  /** Our own registry's host. */
  readonly own: string;
  /** Hosts of the registries that are configured beside our own. */
  readonly configured: readonly string[];
}

export interface Refusal {
  readonly need: Need;
  readonly message: string;
  /** What to do. */
  readonly hint: string;
}

/** The only frontends that read a Dockerfile as it is read here; any other may dial whom it wants. */
const frontends = new Set(["docker/dockerfile", "docker/dockerfile-upstream"]);

/** The first of them that is not allowed, or null. */
export function refuseNeeds(needs: Needs, policy: BasePolicy): Refusal | null {
  if (needs.frontend !== null) {
    const refused = refuseFrontend(needs.frontend, policy);
    if (refused !== null) return refused;
  }
  const first = (some: readonly Need[], judge: (need: Need) => Refusal | null) =>
    some.reduce<Refusal | null>((found, need) => found ?? judge(need), null);
  return (
    first(needs.images, (need) => refuseImage(need, policy)) ??
    first(needs.triggers, (need) => refuseImage(need, policy)) ??
    first(needs.added, (need) => refuseSource(need, policy)) ??
    first(needs.lookalikes, (need) => refuseLookalike(need, policy))
  );
}

/** Whether the operator has named the host: it may then be a private one. */
export function isNamedHost(policy: BasePolicy, host: string): boolean {
  const named = policy.registries ?? policy.configured;
  return host === dockerHub || host === policy.own.toLowerCase() || isListed(named, host);
}

function refuseFrontend(need: Need, policy: BasePolicy): Refusal | null {
  const reference = parseBaseReference(need.text);
  if (reference?.host === dockerHub && frontends.has(reference.path)) return refuseImage(need, policy);
  if (policy.registries?.includes("*")) return null;
  const message = `${need.instruction} ${need.text} is refused: a frontend of its own reads the Dockerfile in ways that cannot be checked`;
  return { need, message, hint: "use docker/dockerfile, or allow any host with engine.base_registries: ['*']" };
}

function refuseImage(need: Need, policy: BasePolicy): Refusal | null {
  if (policy.registries?.includes("*")) return null;
  const reference = parseBaseReference(need.text);
  if (reference === null) return refuseName(need);
  if (isAllowed(policy, reference)) return null;
  const why =
    policy.registries === null
      ? `${reference.host} is neither a public name nor a registry of the configuration`
      : `${reference.host} is not among ${policy.registries.join(", ") || "none"} (base_registries)`;
  const hint = `add ${reference.host} to "registries" or to base_registries in mergedock.yml`;
  return { need, message: `${need.instruction} ${need.text} is refused: ${why}`, hint };
}

/** It goes to no engine: what is no name here may be one there. */
function refuseName(need: Need): Refusal {
  const shown = need.text.replaceAll(unknown, "?");
  const why = need.text.includes(unknown)
    ? "a variable in it has a value that is known during the build only"
    : "it is not the name of an image";
  const message = `${need.instruction} ${shown === "" ? "(empty)" : shown} is refused: ${why}`;
  return { need, message, hint: "write the name in full, or give its ARG a default before the first FROM" };
}

function isAllowed(policy: BasePolicy, { host }: BaseReference): boolean {
  if (host === policy.own.toLowerCase()) return true;
  if (policy.registries !== null) return isListed(policy.registries, host);
  return isListed(policy.configured, host) || isPublicHost(hostnameOf(host));
}

function isListed(list: readonly string[], host: string): boolean {
  return list.some((one) => one === "*" || one.toLowerCase() === host);
}

/** Files of the context are nobody's business. Source of the forms: github.com/moby/buildkit, util/gitutil. */
const remote = /^(?:[a-z][a-z0-9+.-]*:\/\/|[A-Za-z0-9_.-]+@[^/]+:)/i;
const schemes = ["http://", "https://", "git://", "ssh://", "git@"];

function refuseSource(need: Need, policy: BasePolicy): Refusal | null {
  if (policy.addHosts?.includes("*")) return null;
  const { text } = need;
  if (remote.test(text)) return refuseRemote(need, policy);
  const [before = ""] = text.split(unknown);
  const mayBecomeOne = text.includes(unknown) && schemes.some((scheme) => scheme.startsWith(before.toLowerCase()));
  if (!mayBecomeOne) return null;
  const message = `ADD ${text.replaceAll(unknown, "?")} is refused: whether it is an address is known during the build only`;
  return {
    need,
    message,
    hint: "give the variable a value by ARG or ENV in the same stage, or begin the path with ./",
  };
}

function refuseRemote(need: Need, policy: BasePolicy): Refusal | null {
  const host = sourceHost(need.text);
  const shown = need.text.replaceAll(unknown, "?");
  const hint = "add the host to engine.add_hosts or to the repository's add_hosts in mergedock.yml, or COPY the file";
  if (host === null) return { need, message: `ADD ${shown} is refused: its host cannot be told`, hint };
  const { hostname, port } = host;
  const list = policy.addHosts;
  const isFine =
    list === null ? isPublicHost(hostname) : isListed(list, hostname) || isListed(list, `${hostname}:${port}`);
  if (isFine) return null;
  const why = list === null ? "is not a public name" : `is not among ${list.join(", ") || "none"} (add_hosts)`;
  return { need, message: `ADD ${shown} is refused: ${hostname} ${why}`, hint };
}

/** Null where two readers of the same text may come to two hosts. */
function sourceHost(text: string): { readonly hostname: string; readonly port: string } | null {
  if (/[\s\\\p{C}]/u.test(text.replaceAll(unknown, ""))) return null;
  const url = text.includes("://") ? text : `ssh://${text.replace(":", "/")}`;
  const authority = /^[^:]+:\/\/[^/?#]*/.exec(url)?.[0] ?? "";
  if (authority.includes(unknown) || (authority === url && text.includes(unknown))) return null;
  // Only special schemes are read strictly: addresses in odd forms become plain ones.
  const parsed = URL.parse(authority.replace(/^[^:]+:/, "https:"));
  return parsed === null ? null : { hostname: parsed.hostname, port: parsed.port };
}

/** In a script these are words like any others: only what names a private host is refused. */
function refuseLookalike(need: Need, policy: BasePolicy): Refusal | null {
  if (need.instruction === "ADD") return remote.test(need.text) ? refuseSource(need, policy) : null;
  const reference = parseBaseReference(need.text);
  if (reference === null || reference.host === dockerHub || isPublicHost(hostnameOf(reference.host))) return null;
  return refuseImage(need, policy);
}
