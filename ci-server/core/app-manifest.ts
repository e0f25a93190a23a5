// What a GitHub App is to be, for GitHub to make it. Source: GitHub documentation, "Registering a GitHub App from a manifest".

import { isSecret } from "./access.ts";
import { wantedOfAny } from "./hook.ts";
import type { Repository } from "./recipe.ts";

export interface ManifestNeeds {
  /** Of all Apps there are; the person may change it on GitHub's page. */
  readonly name: string;
  /** Where a person finds out more. */
  readonly url: string;
  readonly payloadUrl: string;
  /** The page of ours to which GitHub leads back. */
  readonly redirectUrl: string;
  readonly repositories: readonly Pick<Repository, "commands">[];
}

/** It may read code and tell of it; it has a webhook of its own, so it needs no permission for those of repositories. */
export function appManifest({ name, url, payloadUrl, redirectUrl, repositories }: ManifestNeeds): object {
  const hasCommands = repositories.some(({ commands }) => commands);
  return {
    ...{ name, url, redirect_url: redirectUrl, public: false },
    hook_attributes: { url: payloadUrl, active: true },
    default_permissions: {
      ...{ contents: "read", metadata: "read", statuses: "write", checks: "write", pull_requests: "write" },
      ...(hasCommands && { issues: "read" }),
    },
    default_events: wantedOfAny(repositories),
  };
}

/** `host`: `https://github.com`. Null makes it the person's own. */
export function newAppUrl(host: string, organization: string | null, state: string): string {
  const owner = organization === null ? "" : `/organizations/${encodeURIComponent(organization)}`;
  return `${host}${owner}/settings/apps/new?${new URLSearchParams({ state })}`;
}

/** Where Apps can be made: github.com, and the Enterprise servers of the repositories, but for those that would send the key in clear. */
export function appHosts(repositories: readonly Pick<Repository, "forge" | "url">[]): readonly string[] {
  const own = repositories.filter(({ forge }) => forge.name === "github").map(({ url }) => webHostOf(new URL(url)));
  return [...new Set(["https://github.com", ...own.filter(isSecret)])];
}

function webHostOf({ protocol, host, hostname }: URL): string {
  return protocol === "ssh:" ? `https://${hostname}` : `${protocol}//${host}`;
}
