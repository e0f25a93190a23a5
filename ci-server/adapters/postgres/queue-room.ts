// Whether the queue has room for one build more: counted in the database, and counted on from there for a moment.

import type { PoolClient } from "pg";

// Counting takes 2 ms when 10,000 builds wait: too long for every batch. What others add meanwhile is seen after this time.
const countMsMax = 1_000;

export interface QueueLimits {
  /** Builds that wait or run, of one repository and of all. */
  readonly perRepositoryMax: number;
  readonly inAllMax: number;
}

interface OpenBuilds {
  /** Builds that wait or run. */
  readonly open: number;
  /** Those of them that a newer merge may replace: builds of merges that were never begun. */
  readonly replaceable: number;
}

export class QueueRoom {
  readonly #limits: QueueLimits;
  #own = new Map<string, OpenBuilds>();
  #all = 0;
  #countedMs = Number.NEGATIVE_INFINITY;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  /** Counts anew when the last count is old, or when a limit may be reached with one build more for each of `repositories`. */
  async refresh(client: PoolClient, repositories: readonly string[]): Promise<void> {
    if (!this.isKnown(repositories)) await this.#count(client);
  }

  /** False when the last count is too old to go by, or a limit may be reached with these. */
  isKnown(repositories: readonly string[]): boolean {
    return performance.now() - this.#countedMs <= countMsMax && !this.#isNear(repositories);
  }

  /** What was added since the last count may not be there after all. */
  forget(): void {
    this.#countedMs = Number.NEGATIVE_INFINITY;
  }

  /** A sentence when one build more would be too many, else null. `supersedes`: it replaces those that may be replaced. */
  full(repository: string, supersedes: boolean): string | null {
    const { perRepositoryMax, inAllMax } = this.#limits;
    const { open, replaceable } = this.#of(repository);
    const replaced = supersedes ? replaceable : 0;
    if (open - replaced >= perRepositoryMax)
      return `queue full: ${open} builds of ${repository} wait already; replay the delivery later`;
    if (this.#all - replaced >= inAllMax)
      return `queue full: ${this.#all} builds wait already; replay the delivery later`;
    return null;
  }

  /** `supersedes`: the new build replaces those of its repository that may be replaced. */
  add(repository: string, supersedes: boolean): void {
    const { open, replaceable } = this.#of(repository);
    const replaced = supersedes ? replaceable : 0;
    this.#own.set(repository, { open: open + 1 - replaced, replaceable: replaceable + 1 - replaced });
    this.#all += 1 - replaced;
  }

  #of(repository: string): OpenBuilds {
    return this.#own.get(repository) ?? { open: 0, replaceable: 0 };
  }

  #isNear(repositories: readonly string[]): boolean {
    const { perRepositoryMax, inAllMax } = this.#limits;
    const added = repositories.length;
    return this.#all + added > inAllMax || repositories.some((name) => this.#of(name).open + added > perRepositoryMax);
  }

  async #count(client: PoolClient): Promise<void> {
    const { rows } = await client.query<OpenBuilds & { repository: string }>(
      `select repository, count(*)::int as open,
         count(*) filter (where attempts = 0 and trigger in ('pull_request', 'reconcile'))::int as replaceable
       from build where result is null group by repository`,
    );
    this.#own = new Map(rows.map(({ repository, ...open }) => [repository, open]));
    this.#all = rows.reduce((sum, { open }) => sum + open, 0);
    this.#countedMs = performance.now();
  }
}
