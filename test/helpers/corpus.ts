// Every payload that GitHub and its Enterprise Server are known to have sent: the real examples of @octokit/webhooks-examples.

import { createRequire } from "node:module";

export interface Payload {
  readonly event: string;
  /** `api.github.com`, or an Enterprise Server's version: `ghes-35`. */
  readonly from: string;
  readonly body: Json;
}

type Json = Readonly<Record<string, unknown>>;

const sources = ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"];

export function readCorpus(): Payload[] {
  const load = createRequire(import.meta.url);
  return sources.flatMap((from) => {
    // Read at run time, not imported: the type checker would work through all 10 MB of it.
    const events: readonly { readonly name: string; readonly examples: readonly Json[] }[] = load(
      `@octokit/webhooks-examples/${from}/index.json`,
    );
    return events.flatMap(({ name: event, examples }) => examples.map((body) => ({ event, from, body })));
  });
}

/** None of the real examples is of a merge: these are the closed ones, with what GitHub sets when it merges. */
export function mergedTwins(corpus: readonly Payload[]): Payload[] {
  return corpus
    .filter(({ event, body }) => event === "pull_request" && body.action === "closed")
    .map(({ body, ...rest }) => {
      const pull = body.pull_request as Json;
      const merge = { merged: true, merged_at: pull.closed_at, merged_by: body.sender };
      return { ...rest, body: { ...body, pull_request: { ...pull, ...merge } } };
    });
}

/** Another merge of the same repository: its number and its commit. */
export function anotherMerge({ body, ...rest }: Payload, number: number): Payload {
  const pull = body.pull_request as Json;
  const merge_commit_sha = number.toString(16).padStart(40, "0");
  return { ...rest, body: { ...body, number, pull_request: { ...pull, number, merge_commit_sha } } };
}

/** By Fisher and Yates. */
export function shuffled<T>(given: readonly T[]): T[] {
  const all = [...given];
  for (let last = all.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    // Both are places of the array.
    [all[last], all[other]] = [all[other] as T, all[last] as T];
  }
  return all;
}
