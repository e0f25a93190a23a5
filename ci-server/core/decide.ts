// Decides what a delivery leads to: a build of a merge, or a skip with the reason, rule by rule.

import type { Trigger } from "./build.ts";
import { decideComment, type NewCommand } from "./decide-comment.ts";
import type { Delivery, ForgeEvent, FoundEvent, PullRequest, PullRequestEvent, RuleVerdict } from "./delivery.ts";
import { answeredByGit, foundRules } from "./found-rules.ts";
import type { ImagesVerdict } from "./judge-again.ts";
import { type Changed, judgePaths, pathsPending } from "./judge-paths.ts";
import type { Repository } from "./recipe.ts";
import type { RepositoryAbout } from "./repository-about.ts";
import { repositoryRules } from "./repository-rules.ts";
import { judge, type Rule } from "./rule.ts";

const builtRule = "already built";

interface Decided {
  /** A sentence for the person who asks why. */
  readonly reason: string;
  /** Every rule that was asked, in order; the last one is the one that refused, where one did. */
  readonly rules: readonly RuleVerdict[];
}

export interface BuildDecision extends Decided {
  readonly verdict: "build";
  readonly repository: Repository;
  /** The forge's; null where it was git that showed the merge. */
  readonly repositoryId: number | null;
  /** Absent: `pull_request`. */
  readonly trigger?: Trigger;
  /** Null where nobody said. */
  readonly about: RepositoryAbout | null;
  readonly pullRequest: PullRequest;
  readonly sha: string;
}

export interface SkipDecision extends Decided {
  readonly verdict: "skip";
  /** Of a comment: what is to be obeyed. */
  readonly command?: NewCommand;
}

export type Decision = BuildDecision | SkipDecision;

/** What a rule looks at; the later ones know the repository. */
interface Known {
  readonly forge: string;
  readonly event: PullRequestEvent;
  readonly repository: Repository | undefined;
}

const eventRules: readonly Rule<Known>[] = [
  {
    name: "action",
    saw: ({ event }) => event.action,
    passes: ({ event }) => event.action === "closed",
    refusal: ({ event }) =>
      `pull_request.${event.action} builds nothing; only a merge, which is sent as "closed", does`,
  },
  {
    name: "merged",
    saw: ({ event }) => `merged: ${event.pullRequest.merged}`,
    passes: ({ event }) => event.pullRequest.merged && event.pullRequest.mergeCommitSha !== null,
    refusal: ({ event }) => `pull request #${event.pullRequest.number} was closed without merging`,
  },
  {
    name: "repository",
    saw: ({ event }) => event.repository,
    passes: ({ repository }) => repository !== undefined,
    refusal: ({ event }) =>
      `repository ${event.repository} is not configured; add it under "repositories" in mergedock.yml`,
  },
  {
    // Two forges may have a repository of one name, and whoever may write to the one may not to the other.
    name: "forge",
    saw: ({ forge }) => forge,
    passes: ({ forge, repository }) => repository?.forge.name === forge,
    refusal: ({ forge, repository }) =>
      `this came from ${forge} (/webhooks/${forge}), and ${repository?.name} lives on ${repository?.forge.name}: have its webhook lead to /webhooks/${repository?.forge.name}, or say "forge: ${forge}" in mergedock.yml`,
  },
];

/** `build` when every rule passes, else `skip` with the reason of the first one that does not. `sent`: by whom, under which name. */
export function decide(
  event: ForgeEvent,
  repositories: readonly Repository[],
  { forge, name }: Pick<Delivery, "forge" | "name">,
): Decision {
  if (event.kind === "found") return decideFound(event, findRepository(repositories, event.repository));
  const isOfUse = event.kind === "pull_request" || event.kind === "comment";
  const rules: RuleVerdict[] = [{ rule: "event", passed: isOfUse, saw: name }];
  if (event.kind === "comment")
    return { verdict: "skip", ...decideComment(event, findRepository(repositories, event.repository), forge, rules) };
  if (event.kind !== "pull_request") return { verdict: "skip", reason: refusedEvent(event, name), rules };
  const repository = findRepository(repositories, event.repository);
  const refusal =
    judge(eventRules, { forge, event, repository }, rules) ??
    (repository && judge(repositoryRules, { pullRequest: event.pullRequest, repository }, rules));
  if (refusal) return { verdict: "skip", reason: refusal, rules };
  return toBuild(event, repository, rules);
}

/** Of a merge that git showed fewer things are known; what the rules ask of the rest refuses it. */
function decideFound(event: FoundEvent, repository: Repository | undefined): Decision {
  const { pullRequest, branch, sha } = event;
  const rules: RuleVerdict[] = [{ rule: "event", passed: true, saw: `git: ${branch} at ${sha.slice(0, 7)}` }];
  const refusal = judge(foundRules, { event, repository }, rules);
  if (refusal !== null) return { verdict: "skip", reason: refusal, rules };
  if (repository === undefined || pullRequest === null) throw new Error("the rules passed without a pull request");
  const refused = judge(answeredByGit, { pullRequest, repository }, rules);
  if (refused !== null) return { verdict: "skip", reason: refused, rules };
  return {
    ...{ verdict: "build", repository, pullRequest, sha, repositoryId: null, trigger: "reconcile" },
    reason: `pull request #${pullRequest.number} was merged into ${branch}, as git shows; no delivery told of it`,
    rules: [...rules, ...pathsPending(repository.paths)],
    about: null,
  };
}

type ChangedInAll = Changed & { readonly total: number };

/** What the changed files make of a decision to build; `total` counts those too that were not kept. */
export function withChanged(decision: BuildDecision, changed: ChangedInAll): Decision {
  const judged = judgePaths(decision.repository.paths, changed);
  // A file that was not kept may match: that is left to be judged after the fetch.
  if (judged === null || (!judged.rule.passed && changed.files.length < changed.total)) return decision;
  const rules = withLateRule(decision.rules, judged.rule);
  return judged.refusal === null ? { ...decision, rules } : { verdict: "skip", reason: judged.refusal, rules };
}

/** What the images' own paths make of a decision to build. */
export function withImages(decision: BuildDecision, { rule, refusal }: ImagesVerdict): Decision {
  const rules = withLateRule(decision.rules, rule);
  return refusal === null ? { ...decision, rules } : { verdict: "skip", reason: refusal, rules };
}

/** The trace with the verdict of a rule that is asked after the fetch, in its place, whether it was announced or not. */
export function withLateRule(rules: readonly RuleVerdict[], verdict: RuleVerdict): readonly RuleVerdict[] {
  const before = rules.findIndex(({ rule }) => rule === verdict.rule || rule === builtRule);
  const at = before < 0 ? rules.length : before;
  const rest = rules.slice(at).filter(({ rule }) => rule !== verdict.rule);
  return [...rules.slice(0, at), verdict, ...rest];
}

/** What the ledger makes of a decision to build: one merge is one build. `buildId`: the build that the merge has already. */
export function withLedger(decision: BuildDecision, buildId: number | null): Decision {
  const saw = buildId === null ? "no build of this merge" : `build ${buildId}`;
  const rules = [...decision.rules, { rule: builtRule, passed: buildId === null, saw }];
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

function refusedEvent(event: Exclude<ForgeEvent, { kind: "found" }>, eventName: string): string {
  if (event.kind === "unreadable") return event.problem;
  if (eventName === "issue_comment")
    return "issue_comment builds nothing; a new comment on a pull request may be a command";
  return event.kind === "ping"
    ? "ping: the hook is set up"
    : `event ${eventName} builds nothing; only pull_request does`;
}

function toBuild(event: PullRequestEvent, repository: Repository | undefined, verdicts: RuleVerdict[]): BuildDecision {
  const { pullRequest } = event;
  const sha = pullRequest.mergeCommitSha;
  if (repository === undefined || sha === null) throw new Error("the rules passed without a repository and a commit");
  const reason = `pull request #${pullRequest.number} was merged into ${pullRequest.baseRef}`;
  const rules = [...verdicts, ...pathsPending(repository.paths)];
  const { repositoryId, about } = event;
  return { verdict: "build", reason, rules, repository, repositoryId, about, pullRequest, sha };
}
