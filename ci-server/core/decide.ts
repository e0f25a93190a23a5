// Decides what a delivery leads to: a build of a merge, or a skip with the reason, rule by rule.

import { matchesBranch } from "./branch-pattern.ts";
import type { ForgeEvent, PullRequest, PullRequestEvent, RuleVerdict } from "./delivery.ts";
import type { Repository } from "./recipe.ts";

interface Decided {
  /** A sentence for the person who asks why. */
  readonly reason: string;
  /** Every rule that was asked, in order; the last one is the one that refused, where one did. */
  readonly rules: readonly RuleVerdict[];
}

export interface BuildDecision extends Decided {
  readonly verdict: "build";
  readonly repository: Repository;
  readonly repositoryId: number;
  readonly pullRequest: PullRequest;
  readonly sha: string;
}

export interface SkipDecision extends Decided {
  readonly verdict: "skip";
}

export type Decision = BuildDecision | SkipDecision;

interface Rule {
  readonly name: string;
  /** What the rule looks at, as text. */
  saw(event: PullRequestEvent, repository: Repository | undefined): string;
  passes(event: PullRequestEvent, repository: Repository | undefined): boolean;
  refusal(event: PullRequestEvent, repository: Repository | undefined): string;
}

const rules: readonly Rule[] = [
  {
    name: "action",
    saw: (event) => event.action,
    passes: (event) => event.action === "closed",
    refusal: (event) =>
      `pull_request.${event.action} builds nothing; only a merge, which GitHub sends as "closed", does`,
  },
  {
    name: "merged",
    saw: (event) => `merged: ${event.pullRequest.merged}`,
    passes: (event) => event.pullRequest.merged && event.pullRequest.mergeCommitSha !== null,
    refusal: (event) => `pull request #${event.pullRequest.number} was closed without merging`,
  },
  {
    name: "repository",
    saw: (event) => event.repository,
    passes: (_event, repository) => repository !== undefined,
    refusal: (event) =>
      `repository ${event.repository} is not configured; add it under "repositories" in mergedock.yml`,
  },
  {
    name: "branch",
    saw: (event) => event.pullRequest.baseRef,
    passes: (event, repository) => matchesBranch(repository?.branches ?? [], event.pullRequest.baseRef),
    refusal: (event, repository) =>
      `base branch ${event.pullRequest.baseRef} is not among the branches of ${event.repository} (${repository?.branches.join(", ")})`,
  },
];

/** `build` when every rule passes, else `skip` with the reason of the first one that does not. */
export function decide(event: ForgeEvent, repositories: readonly Repository[], eventName: string): Decision {
  const eventRule = { rule: "event", passed: event.kind === "pull_request", saw: eventName };
  if (event.kind !== "pull_request")
    return { verdict: "skip", reason: refusedEvent(event, eventName), rules: [eventRule] };
  const repository = findRepository(repositories, event.repository);
  const verdicts: RuleVerdict[] = [eventRule];
  for (const rule of rules) {
    const passed = rule.passes(event, repository);
    verdicts.push({ rule: rule.name, passed, saw: rule.saw(event, repository) });
    if (!passed) return { verdict: "skip", reason: rule.refusal(event, repository), rules: verdicts };
  }
  return toBuild(event, repository, verdicts);
}

/** What the ledger makes of a decision to build: one merge is one build. `buildId`: the build that the merge has already. */
export function withLedger(decision: BuildDecision, buildId: number | null): Decision {
  const saw = buildId === null ? "no build of this merge" : `build ${buildId}`;
  const rules = [...decision.rules, { rule: "already built", passed: buildId === null, saw }];
  if (buildId === null) return { ...decision, rules };
  return { verdict: "skip", reason: `${decision.reason}; it is build ${buildId} already`, rules };
}

/** `full`: why one build more would be too many. */
export function withFullQueue(decision: BuildDecision, full: string): SkipDecision {
  return { verdict: "skip", reason: full, rules: [...decision.rules, { rule: "queue", passed: false, saw: full }] };
}

/** The forge compares names without regard to case, and so do we. */
export function findRepository(repositories: readonly Repository[], name: string): Repository | undefined {
  return repositories.find((repository) => repository.name.toLowerCase() === name.toLowerCase());
}

function refusedEvent(event: ForgeEvent, eventName: string): string {
  if (event.kind === "unreadable") return event.problem;
  return event.kind === "ping"
    ? "ping: the hook is set up"
    : `event ${eventName} builds nothing; only pull_request does`;
}

function toBuild(event: PullRequestEvent, repository: Repository | undefined, verdicts: RuleVerdict[]): Decision {
  const { pullRequest } = event;
  const sha = pullRequest.mergeCommitSha;
  if (repository === undefined || sha === null) throw new Error("the rules passed without a repository and a commit");
  const reason = `pull request #${pullRequest.number} was merged into ${pullRequest.baseRef}`;
  return { verdict: "build", reason, rules: verdicts, repository, repositoryId: event.repositoryId, pullRequest, sha };
}
