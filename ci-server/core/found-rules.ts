// The rules on what git showed and nobody told of: is it a merge, and is enough known of it to judge it?

import type { FoundEvent } from "./delivery.ts";
import type { Repository } from "./recipe.ts";
import type { Merged } from "./repository-rules.ts";
import { repositoryRules } from "./repository-rules.ts";
import type { Rule } from "./rule.ts";

export interface Found {
  readonly event: FoundEvent;
  readonly repository: Repository | undefined;
}

export const foundRules: readonly Rule<Found>[] = [
  {
    name: "merge",
    saw: ({ event }) => (event.pullRequest === null ? "no pull request's number" : `#${event.pullRequest.number}`),
    passes: ({ event }) => event.pullRequest !== null,
    refusal: ({ event: { commits, branch, sha } }) =>
      `${commits === 1 ? "a commit" : `${commits} commits`} on ${branch} up to ${sha.slice(0, 7)} came by no pull request that can be recognised; a push is not a merge, and is not built`,
  },
  {
    name: "repository",
    saw: ({ event }) => event.repository,
    passes: ({ repository }) => repository !== undefined,
    refusal: ({ event }) =>
      `repository ${event.repository} is not configured any more; it is looked at no longer, add it under "repositories" in mergedock.yml`,
  },
  {
    name: "labels",
    saw: () => "not known: git does not hold them",
    passes: ({ repository }) => repository?.labels.length === 0 && repository.labelsIgnore.length === 0,
    refusal: ({ event, repository }) =>
      `${repository?.name} has rules on labels, and git does not show those of pull request #${event.pullRequest?.number}; build it by hand, or let the server read the hook's deliveries`,
  },
];

/** Of the rules on a pull request those that a commit can answer. */
export const answeredByGit: readonly Rule<Merged>[] = repositoryRules.filter(
  ({ name }) => name !== "labels" && name !== "draft",
);
