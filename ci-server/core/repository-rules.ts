// The rules that the operator wrote for a repository, as far as the delivery alone can answer them.

import { matchesBranch } from "./branch-pattern.ts";
import type { PullRequest } from "./delivery.ts";
import type { Repository } from "./recipe.ts";
import type { Rule } from "./rule.ts";

export interface Merged {
  readonly pullRequest: PullRequest;
  readonly repository: Repository;
}

export const repositoryRules: readonly Rule<Merged>[] = [
  {
    name: "branch",
    saw: ({ pullRequest }) => pullRequest.baseRef,
    passes: ({ pullRequest, repository }) => matchesBranch(repository.branches, pullRequest.baseRef),
    refusal: ({ pullRequest, repository }) =>
      `base branch ${pullRequest.baseRef} is not among the branches of ${repository.name} (${repository.branches.join(", ")})`,
  },
  {
    name: "draft",
    saw: ({ pullRequest }) => `draft: ${pullRequest.draft}`,
    passes: ({ pullRequest, repository }) => repository.drafts || !pullRequest.draft,
    refusal: ({ pullRequest, repository }) =>
      `pull request #${pullRequest.number} was merged as a draft, and ${repository.name} builds no drafts ("drafts: false")`,
  },
  {
    name: "labels",
    saw: ({ pullRequest }) => (pullRequest.labels.length === 0 ? "no labels" : pullRequest.labels.join(", ")),
    passes: (merged) => !lacksLabel(merged) && ignoredLabel(merged) === undefined,
    refusal: (merged) => refusedLabels(merged),
  },
  {
    name: "skip directive",
    saw: (merged) => {
      const found = findDirective(merged);
      return found === null ? "none in title and body" : `${found.directive} in the ${found.where}`;
    },
    passes: (merged) => findDirective(merged) === null,
    refusal: (merged) => {
      const found = findDirective(merged);
      return `pull request #${merged.pullRequest.number} says ${found?.directive} in its ${found?.where}`;
    },
  },
];

/** Forges compare labels without regard to case, and so do we. */
function has(labels: readonly string[], label: string): boolean {
  return labels.some((one) => one.toLowerCase() === label.toLowerCase());
}

function lacksLabel({ pullRequest, repository }: Merged): boolean {
  return repository.labels.length > 0 && !repository.labels.some((label) => has(pullRequest.labels, label));
}

function ignoredLabel({ pullRequest, repository }: Merged): string | undefined {
  return repository.labelsIgnore.find((label) => has(pullRequest.labels, label));
}

function refusedLabels(merged: Merged): string {
  const { pullRequest, repository } = merged;
  const ignored = ignoredLabel(merged);
  return ignored === undefined
    ? `pull request #${pullRequest.number} has none of the labels that ${repository.name} asks for (${repository.labels.join(", ")})`
    : `pull request #${pullRequest.number} has the label ${ignored}, which ${repository.name} leaves out ("labels_ignore")`;
}

interface Found {
  readonly directive: string;
  readonly where: "title" | "body";
}

/** In a body it has to be a line of its own: bots quote release notes there, and those of others are full of directives. */
function findDirective({ pullRequest, repository }: Merged): Found | null {
  const title = pullRequest.title.toLowerCase();
  const lines = pullRequest.body.split("\n").map((line) => line.trim().toLowerCase());
  const inTitle = repository.skipDirectives.find((one) => title.includes(one.toLowerCase()));
  if (inTitle !== undefined) return { directive: inTitle, where: "title" };
  const inBody = repository.skipDirectives.find((one) => lines.includes(one.toLowerCase()));
  return inBody === undefined ? null : { directive: inBody, where: "body" };
}
