// What git showed, as the ledger keeps it: written as JSON in the place of a delivery's body, and read again for a replay.

import { z } from "zod";
import { cleanText } from "./clean-text.ts";
import type { Delivery, FoundEvent } from "./delivery.ts";
import { AppError } from "./errors.ts";
import type { StoredRequest } from "./ports/forge.ts";

const text = z.string().transform(cleanText);
const sha = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const pullRequest = z.object({
  number: z
    .number()
    .int()
    .positive()
    .max(2 ** 31 - 1),
  ...{ title: text, body: text, url: text, draft: z.boolean(), labels: z.array(text), merged: z.boolean() },
  ...{ mergeCommitSha: sha, baseRef: text, headRef: text.nullable(), headSha: sha.nullable() },
  ...{ commits: z.number().int(), author: text, mergedBy: text.nullable() },
});
const foundEvent = z.object({
  ...{ kind: z.literal("found"), repository: text, action: z.string(), branch: text },
  ...{ sha, commits: z.number().int(), pullRequest: pullRequest.nullable() },
});

/** Reads what `toFoundDelivery` has written: the counterpart of a forge, of which nothing can be received. */
export const foundReader = {
  name: "git",
  read: ({ body }: StoredRequest): FoundEvent => {
    const parsed = foundEvent.safeParse(JSON.parse(new TextDecoder().decode(body)));
    if (parsed.success) return parsed.data;
    throw new AppError("internal", `what git showed was stored in another form: ${z.prettifyError(parsed.error)}`);
  },
} as const;

/** The same event gives the same delivery, whoever looks and whenever. */
export function toFoundDelivery(event: FoundEvent): Delivery {
  return {
    guid: `git-${hashOf(event.repository.toLowerCase())}-${event.sha.slice(0, 40)}`,
    ...{ forge: foundReader.name, name: "reconcile", hookId: null, headers: {}, secretId: "none", origin: "git" },
    event,
    body: new TextEncoder().encode(JSON.stringify(event)),
  };
}

/** FNV-1a: two repositories may hold the same commit. */
function hashOf(name: string): string {
  let hash = 0x811c9dc5;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
