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
  const looks: Pick<Look, "taken" | "pushed">[] = [];
  for (const [branch, tip] of allowed) looks.push(await lookAtBranch(parts, { repository, branch, tip }, signal));
  return {
    ...{ way: "git", askedAgain: 0, problem: null, taken: looks.flatMap(({ taken }) => taken) },
    pushed: looks.reduce((sum, { pushed }) => sum + pushed, 0),
  };
}

const nothing = { taken: [], pushed: 0 } as const;

async function lookAtBranch(parts: ReconcileGitParts, of: Branch, signal: AbortSignal) {
  const { state, clock, daysMax, graceSeconds } = parts;
  const { repository, branch, tip } = of;
  const known = await state.branchTip(repository.name, branch);
  if (known === tip) return nothing;
  const since = known ?? (await state.lastMerge(repository.name, branch));
  if (since === null || since === tip) {
    // Seen for the first time: what was merged before anybody looked is history.
    await state.noteBranch(repository.name, branch, tip);
    return nothing;
  }
  const commits = await parts.git.commits({ repository, branch, since, tip, max: parts.commitsMax, signal });
  const oldestMs = known === null ? clock.now().getTime() - daysMax * dayMs : Number.NEGATIVE_INFINITY;
  const ripe = untilYoung(commits, { now: clock.now(), graceSeconds });
  const recent = ripe.filter(({ committedAt }) => committedAt.getTime() >= oldestMs);
  const found = recent.length === 0 ? nothing : await take(parts, of, recent, signal);
  const reached = ripe.length === commits.length ? tip : (ripe.at(-1)?.sha ?? since);
  await state.noteBranch(repository.name, branch, reached);
  return found;
}

async function take(
  { store, state, git, repositories }: ReconcileGitParts,
  { repository, branch }: Branch,
  commits: readonly BranchCommit[],
  signal: AbortSignal,
) {
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
  };
}

function isMerge(event: FoundEvent | undefined): boolean {
  return event !== undefined && event.pullRequest !== null;
}
