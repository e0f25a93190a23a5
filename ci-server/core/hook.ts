// A webhook as it has to be: where it leads to, what it tells of, and what of one on the forge is different.

import { AppError } from "./errors.ts";
import type { Hook, HookSettings } from "./ports.ts";
import type { Repository } from "./recipe.ts";

/** What forges call them. */
export function wantedEvents({ commands }: Pick<Repository, "commands">): readonly string[] {
  return commands ? ["pull_request", "issue_comment"] : ["pull_request"];
}

/** Of any of these repositories. */
export function wantedOfAny(repositories: readonly Pick<Repository, "commands">[]): readonly string[] {
  return wantedEvents({ commands: repositories.some(({ commands }) => commands) });
}

/** What of the hook is not as wanted; those of its events that nobody asked for stay. */
export function faultsOf(hook: Hook, { url, events }: Omit<HookSettings, "secret">): readonly string[] {
  const missing = events.filter((event) => !hook.events.includes(event) && !hook.events.includes("*"));
  return [
    ...(hook.url === url ? [] : [`points to an old address: ${hook.url}`]),
    ...(hook.isActive ? [] : ["is switched off"]),
    ...(hook.contentType === "json" ? [] : [`sends ${hook.contentType}, not JSON`]),
    ...(hook.verifiesTls ? [] : ["does not verify TLS"]),
    ...(missing.length === 0 ? [] : [`does not tell of: ${missing.join(", ")}`]),
  ];
}

/** Of ours among the repository's hooks: the one that was recorded, else one that leads to us. A stranger's is none. */
export function findOurs(
  hooks: readonly Hook[],
  url: string,
  record: { readonly hookId: string; readonly url: string } | null,
): Hook | null {
  const recorded = record === null ? undefined : hooks.find(({ id }) => id === record.hookId);
  return recorded ?? hooks.find((hook) => hook.url === url) ?? hooks.find((hook) => hook.url === record?.url) ?? null;
}

export function noPublicUrl(): AppError {
  return new AppError("unavailable", noPublicUrlText);
}

export const noPublicUrlText =
  "no public address leads to the webhooks' listener; one of three is needed: webhooks.public_url in mergedock.yml (a proxy of " +
  "your own), the ngrok agent (docker compose --profile tunnel up -d), or NGROK_AUTHTOKEN in the server's environment";
