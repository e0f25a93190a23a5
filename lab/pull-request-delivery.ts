// The delivery that GitHub sends when a pull request is closed: its real example, told of a sample pull request.

import { createHash } from "node:crypto";
import { createRequire } from "node:module";
import type { Merge, PullRequest } from "./sample-pull-request.ts";
import type { Repository } from "./sample-repository.ts";

export type ClosedPullRequest = {
  readonly repository: Pick<Repository, "name" | "defaultBranch">;
  readonly cloneUrl: string;
  readonly pullRequest: Omit<PullRequest, "merge" | "push">;
  /** Absent: closed without merging. */
  readonly merge?: Pick<Merge, "mergeCommitSha">;
  /** What people do with a pull request on the forge. */
  readonly about?: { readonly body?: string; readonly draft?: boolean; readonly labels?: readonly string[] };
  /** What the forge says of the repository. */
  readonly described?: { readonly description: string; readonly license: { readonly spdx_id: string } };
};

export type Json = { readonly [field: string]: unknown };
type Example = Json & {
  readonly action: string;
  readonly pull_request: Json & { readonly base: Json; readonly head: Json };
  readonly repository: Json & { readonly owner: Json };
  readonly sender: Json;
};

/** The payload of a `pull_request` event with action `closed` (docs.github.com, "Webhook events and payloads"). */
export function closedPullRequest({
  repository,
  cloneUrl,
  pullRequest,
  merge,
  about = {},
  described,
}: ClosedPullRequest): Example {
  const example = realExample(repository.name);
  const repo = { ...describeRepository(example.repository, { ...repository, cloneUrl }), ...described };
  const { number, title, base, baseSha, branch, headSha, commits } = pullRequest;
  const owner = repository.name.split("/", 1).join();
  const now = new Date().toISOString();
  return {
    ...example,
    number,
    repository: repo,
    pull_request: {
      ...example.pull_request,
      number,
      title,
      html_url: `https://github.com/${repository.name}/pull/${number}`,
      closed_at: now,
      merged: merge !== undefined,
      merged_at: merge === undefined ? null : now,
      merged_by: merge === undefined ? null : example.sender,
      merge_commit_sha: merge?.mergeCommitSha ?? null,
      commits: commits.length,
      body: about.body ?? null,
      draft: about.draft ?? false,
      labels: (about.labels ?? []).map((name, id) => ({
        id,
        name,
        color: "ededed",
        default: false,
        description: null,
      })),
      base: { ...example.pull_request.base, label: `${owner}:${base}`, ref: base, sha: baseSha, repo },
      head: { ...example.pull_request.head, label: `${owner}:${branch}`, ref: branch, sha: headSha, repo },
    },
  };
}

function realExample(repositoryName: string): Example {
  // Read at run time, not imported: the type checker would work through all 4 MB of it.
  const events: readonly { name: string; examples: readonly Example[] }[] = createRequire(import.meta.url)(
    "@octokit/webhooks-examples",
  );
  const examples = events.find(({ name }) => name === "pull_request")?.examples ?? [];
  const closed = examples.find(({ action }) => action === "closed");
  if (closed === undefined) throw new Error("@octokit/webhooks-examples holds no closed pull request any more");
  // The many URLs in it; what else names the repository is set one by one.
  return JSON.parse(JSON.stringify(closed).replaceAll("Codertocat/Hello-World", repositoryName));
}

type Described = { readonly name: string; readonly defaultBranch: string; readonly cloneUrl: string };

/** The repository as every event has it. */
export function describeRepository(example: Example["repository"], { name, defaultBranch, cloneUrl }: Described) {
  const [login, shortName] = name.split("/");
  return {
    ...example,
    // As on GitHub a number that stays the same for the same repository.
    id: createHash("sha256").update(name).digest().readUInt32BE(),
    name: shortName,
    full_name: name,
    owner: { ...example.owner, login },
    html_url: `https://github.com/${name}`,
    clone_url: cloneUrl,
    default_branch: defaultBranch,
  };
}
