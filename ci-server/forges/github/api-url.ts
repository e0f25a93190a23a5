// Where a repository's API is. Source: GitHub documentation, "Getting started with the REST API" of the Enterprise Server.

import type { Access } from "../../core/access.ts";

export interface ApiPlace {
  readonly forge: { readonly apiUrl: string | null };
  readonly access: Access | null;
  /** The repository's. */
  readonly url: string;
}

/** Without a slash at its end. GitHub Enterprise Server has it below its own host, GHE.com beside it. */
export function githubApiUrl({ forge, access, url }: ApiPlace): string {
  const given = forge.apiUrl ?? (access?.kind === "github_app" ? access.apiUrl : null);
  if (given !== null) return given;
  const { protocol, host, hostname } = new URL(url);
  if (hostname === "github.com" || hostname === "ssh.github.com") return "https://api.github.com";
  if (hostname.endsWith(".ghe.com")) return `https://api.${hostname}`;
  return protocol === "ssh:" ? `https://${hostname}/api/v3` : `${protocol}//${host}/api/v3`;
}
