// What mergedock.yml says of a repository's forge: which one it is, how its API is asked, and what it is told.

import { z } from "zod";
import { type Access, apiUrl } from "./access.ts";

export const forgeNames = ["github", "gitea"] as const;
export type ForgeName = (typeof forgeNames)[number];

export interface ForgeSettings {
  readonly name: ForgeName;
  /** Without a slash at its end; null: the one that belongs to the repository's host. */
  readonly apiUrl: string | null;
  /** Null: the repository's `access`. */
  readonly tokenFile: string | null;
}

/** What is told of each build. Of a repository whose access the API does not take, nothing is. */
export interface ReportSettings {
  readonly status: boolean;
  /** Check runs, which GitHub takes from Apps only. */
  readonly check: boolean;
  readonly comment: boolean;
}

export const forgeFields = {
  forge: z.enum(forgeNames, `has to be one of ${forgeNames.join(", ")}`).default("github"),
  api: z.strictObject({ url: apiUrl.optional(), token_file: z.string().min(1).optional() }).prefault({}),
  report: z
    .strictObject({
      status: z.boolean().default(true),
      check: z.boolean().default(true),
      comment: z.boolean().default(true),
    })
    .prefault({}),
  commands: z.boolean().default(false),
};

interface GivenForge {
  readonly forge: ForgeName;
  readonly api: { readonly url?: string | undefined; readonly token_file?: string | undefined };
}

export function toForge({ forge, api }: GivenForge): ForgeSettings {
  return { name: forge, apiUrl: api.url?.replace(/\/+$/, "") ?? null, tokenFile: api.token_file ?? null };
}

/** On which these repositories live: each has an address of its own for deliveries. */
export function forgesOf(
  repositories: readonly { readonly forge: Pick<ForgeSettings, "name"> }[],
): readonly ForgeName[] {
  const names = new Set(repositories.map(({ forge }) => forge.name));
  return names.size === 0 ? ["github"] : [...names];
}

/** Whether a repository's access is one that its forge's API takes at all. */
export function isAskable({
  forge,
  access,
}: {
  readonly forge: ForgeSettings;
  readonly access: Access | null;
}): boolean {
  if (forge.tokenFile !== null || access?.kind === "token") return true;
  return forge.name === "github" && access?.kind === "github_app";
}
