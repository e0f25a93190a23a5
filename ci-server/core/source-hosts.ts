// From where a repository's submodules and LFS objects may come: hosts, or folders of a host, that the operator named.

import { z } from "zod";

/** `github.com`, `git.acme.test:8443`, `github.com/acme`: a host, and below which folder of it. */
export const hostsField = z
  .array(
    z
      .string()
      .max(250)
      .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?(?:\/[^\s?#\\]*)?$/, "has to be host or host/folder")
      .refine((text) => !/(?:^|\/)\.\.?(?:\/|$)|%/.test(text), "must not have . or .. as a segment, nor %"),
  )
  .min(1, "has to name a host")
  .max(50)
  .optional();

/** Whether the URL is of one of these hosts and below its folder. */
export function isAllowedSource(url: URL, hosts: readonly string[]): boolean {
  return hosts.some((entry) => {
    const slash = entry.indexOf("/");
    const host = slash < 0 ? entry : entry.slice(0, slash);
    const folder = slash < 0 ? "" : entry.slice(slash).replace(/\/+$/, "");
    const isBelow = url.pathname.toLowerCase().startsWith(`${folder}/`.toLowerCase());
    return url.host.toLowerCase() === host.toLowerCase() && isBelow;
  });
}

/** What stands in for hosts where none are named. */
export function ownHost(url: string): readonly string[] {
  return [URL.parse(url)?.host ?? ""];
}

/**
 * The URL of a submodule as a .gitmodules writes it: absolute, relative to the repository's, or as ssh writes it
 * (`git@host:acme/lib.git`). What is written for ssh is fetched as its repository is, where both are on one host. Null: it
 * is none that may be fetched, whatever the host.
 */
export function submoduleUrl(written: string, parent: string): URL | null {
  const base = new URL(parent);
  const url = /^\.\.?\//.test(written) ? URL.parse(written, `${parent}/`) : URL.parse(fromScp(written));
  if (url === null || /[\p{Cc}\s]/u.test(written) || url.search !== "" || url.hash !== "") return null;
  const isOurs = url.protocol === "ssh:" && base.protocol !== "ssh:" && url.hostname === base.hostname;
  // The scheme of some URLs cannot be set: it is written anew.
  const found = isOurs ? new URL(`${base.protocol}//${base.host}${url.pathname}`) : url;
  if (found.protocol !== "https:" && found.protocol !== base.protocol) return null;
  if (found.password !== "" || (found.username !== "" && found.protocol !== "ssh:")) return null;
  return found.pathname === "/" ? null : found;
}

function fromScp(written: string): string {
  const scp = /^((?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+):(?!\/\/)\/?(.+)$/.exec(written);
  return scp === null ? written : `ssh://${scp[1]}/${scp[2]}`;
}
