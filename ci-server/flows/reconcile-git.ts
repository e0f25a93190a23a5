// Looks at the branches alone, and takes the merges that nobody told of: without a forge's API it is all that there is.

import { matchesBranch } from "../core/branch-pattern.ts";
import type { FoundEvent } from "../core/delivery.ts";
import { toFoundDelivery } from "../core/found-event.ts";
import { foundEvents, namedNumbers, untilYoung } from "../core/found-merges.ts";
import type { Clock, GitHistory, ReconcileStore, Store } from "../core/ports.ts";
import type { Repository } from "../core/recipe.ts";
import type { BranchCommit } from "../core/recognise-merge.ts";
import { type Look, takeAll, toArrived } from "./reconcile-look.ts";

export interface ReconcileGitParts {
  readonly store: Store;
  readonly state: ReconcileStore;
  readonly clock: Clock;
  readonly git: GitHistory;
  readonly repositories: readonly Repository[];
  readonly daysMax: number;
  /** Of one branch, between two looks. */
  readonly commitsMax: number;
  /** The delivery of what is younger may be on its way. */
  readonly graceSeconds: number;
}

const dayMs = 24 * 3_600 * 1_000;

interface Branch {
  readonly repository: Repository;
  readonly branch: string;
  /** Where it is now. */
  readonly tip: string;
}

/** Throws what git throws. */
export async function lookInGit(parts: ReconcileGitParts, repository: Repository, signal: AbortSignal): Promise<Look> {
  const branches = await parts.git.branches(repository, signal);
  const allowed = [...branches].filter(([branch]) => matchesBranch(repository.branches, branch));
  const looks: BranchLook[] = [];
  for (const [branch, tip] of allowed) looks.push(await lookAtBranch(parts, { repository, branch, tip }, signal));
  return {
    ...{ way: "git", askedAgain: 0, taken: looks.flatMap(({ taken }) => taken) },
    problem: looks.find(({ problem }) => problem !== null)?.problem ?? null,
    pushed: looks.reduce((sum, { pushed }) => sum + pushed, 0),
  };
}

type BranchLook = Pick<Look, "taken" | "pushed" | "problem">;

const nothing: BranchLook = { taken: [], pushed: 0, problem: null };

async function lookAtBranch(parts: ReconcileGitParts, of: Branch, signal: AbortSignal): Promise<BranchLook> {
  const { state, clock, daysMax, graceSeconds, commitsMax } = parts;
  const { repository, branch, tip } = of;
  const known = await state.branchTip(repository.name, branch);
  if (known === tip) return nothing;
  const since = known ?? (await state.lastMerge(repository.name, branch));
  if (since === null || since === tip) {
    // Seen for the first time: what was merged before anybody looked is history.
    await state.noteBranch(repository.name, branch, tip);
    return nothing;
  }
  const commits = await parts.git.commits({ repository, branch, since, tip, max: commitsMax, signal });
  const oldestMs = known === null ? clock.now().getTime() - daysMax * dayMs : Number.NEGATIVE_INFINITY;
  const ripe = untilYoung(commits, { now: clock.now(), graceSeconds });
  const recent = ripe.filter(({ committedAt }) => committedAt.getTime() >= oldestMs);
  const found = recent.length === 0 ? nothing : await take(parts, of, recent, signal);
  const reached = ripe.length === commits.length ? tip : (ripe.at(-1)?.sha ?? since);
  await state.noteBranch(repository.name, branch, reached);
  const cut = `${branch} of ${repository.name} has gained more than ${commitsMax} commits since it was looked at, and the oldest were left out: build what is missing by hand, and raise limits.reconcile_commits_max`;
  return commits.length < commitsMax ? found : { ...found, problem: cut };
}

async function take(
  { store, state, git, repositories }: ReconcileGitParts,
  { repository, branch }: Branch,
  commits: readonly BranchCommit[],
  signal: AbortSignal,
): Promise<BranchLook> {
  const shas = await state.mergesBuilt(
    repository.name,
    commits.map(({ sha }) => sha),
  );
  if (commits.every(({ sha }) => shas.has(sha))) return nothing;
  const heads = await git.pullHeads(repository, signal);
  const numbers = await state.pullRequestsSeen(repository.name, namedNumbers(commits, heads));
  const events = foundEvents({ repository, branch, commits, heads, known: { shas, numbers } });
  const arrived = events.map((event) => toArrived(repositories, toFoundDelivery(event)));
  const merges = new Set(arrived.filter((_one, index) => isMerge(events[index])).map(({ delivery }) => delivery.guid));
  const { taken } = await takeAll(store, arrived);
  return {
    taken: taken.filter(({ verdict, guid }) => verdict !== "duplicate" && merges.has(guid)),
    pushed: events.reduce((sum, event) => sum + (isMerge(event) ? 0 : event.commits), 0),
    problem: null,
  };
}

function isMerge(event: FoundEvent | undefined): boolean {
  return event !== undefined && event.pullRequest !== null;
}
