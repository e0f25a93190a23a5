// What repositories' own files have said last, for what has to be known when a merge is accepted: before anything of it was fetched.

import type { Pool, PoolClient } from "pg";
import type { PlanRecord } from "../../core/ports.ts";
import type { Concurrency } from "../../core/recipe.ts";

// Reading it for every batch would cost each delivery a statement. What other processes hear of meanwhile is seen after this time.
const readMsMax = 1_000;

type Settings = ReadonlyMap<string, Concurrency>;

export class RepositorySettings {
  readonly #configured: Settings;
  #remembered: Settings = new Map();
  #readMs = Number.NEGATIVE_INFINITY;

  /** `configured`: what the server's configuration says, which goes before what a file says. */
  constructor(configured: ReadonlyMap<string, Concurrency>) {
    this.#configured = new Map([...configured].map(([name, concurrency]) => [name.toLowerCase(), concurrency]));
  }

  /** False when what was read is too old to go by. */
  get isKnown(): boolean {
    return performance.now() - this.#readMs <= readMsMax;
  }

  /** Something may have been remembered since. */
  forget(): void {
    this.#readMs = Number.NEGATIVE_INFINITY;
  }

  async refresh(client: Pool | PoolClient): Promise<void> {
    const askedMs = performance.now();
    const { rows } = await client.query<{ repository: string; concurrency: Concurrency }>(
      "select repository, concurrency from repository_setting where concurrency is not null",
    );
    this.#remembered = new Map(rows.map(({ repository, concurrency }) => [repository, concurrency]));
    this.#readMs = askedMs;
  }

  concurrencyOf(repository: string): Concurrency {
    const name = repository.toLowerCase();
    return this.#configured.get(name) ?? this.#remembered.get(name) ?? "queue";
  }
}

/** Builds do not end in the order of their commits: a later commit's word stays. */
export async function rememberSetting(
  client: PoolClient,
  buildId: number,
  { concurrency, committedAt }: NonNullable<PlanRecord["setting"]>,
): Promise<void> {
  await client.query(
    `insert into repository_setting (repository, concurrency, committed_at)
     select lower(repository), $2, $3 from build where id = $1
     on conflict (repository) do update set concurrency = excluded.concurrency, committed_at = excluded.committed_at
       where repository_setting.committed_at <= excluded.committed_at`,
    [buildId, concurrency, committedAt],
  );
}
