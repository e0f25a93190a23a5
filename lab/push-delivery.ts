// The delivery that GitHub sends when a branch has moved: its real example, told of a merge in a sample repository.

import { createRequire } from "node:module";
import { describeRepository, type Json } from "./pull-request-delivery.ts";
import type { Merge } from "./sample-pull-request.ts";
import type { Repository } from "./sample-repository.ts";

export type Push = {
  readonly repository: Pick<Repository, "name" | "defaultBranch">;
  readonly cloneUrl: string;
  readonly branch: string;
  readonly before: string;
  readonly merge: Merge;
};

/** The payload of a `push` event (docs.github.com, "Webhook events and payloads"). */
export function pushOf({ repository, cloneUrl, branch, before, merge }: Push): Json {
  const example = realPush();
  const after = merge.mergeCommitSha;
  const commits = merge.commits.map((id) => ({ ...example.head_commit, id, distinct: true }));
  return {
    ...example,
    ref: `refs/heads/${branch}`,
    ...{ before, after, created: false, deleted: false, forced: false },
    ...{ commits, head_commit: commits.at(-1) },
    repository: describeRepository(example.repository, { ...repository, cloneUrl }),
  };
}

type Example = Json & { readonly repository: Json & { readonly owner: Json }; readonly head_commit: Json | null };

function realPush(): Example {
  const events: readonly { name: string; examples: readonly Example[] }[] = createRequire(import.meta.url)(
    "@octokit/webhooks-examples",
  );
  const example = events.find(({ name }) => name === "push")?.examples.find(({ head_commit }) => head_commit !== null);
  if (example === undefined) throw new Error("@octokit/webhooks-examples holds no push of commits any more");
  return structuredClone(example);
}
