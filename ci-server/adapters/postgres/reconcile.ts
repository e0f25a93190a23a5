// The statements on what is looked for: whose turn it is, how far each look has come, what the ledger has of it.

import type { Pool } from "pg";
import type { ReconcileState, ReconcileStore } from "../../core/ports.ts";
import { withDatabaseErrors } from "./store.ts";

/** The part of the interval by which a look may be late, so that not all installations ask at the same second. */
const jitterMax = 0.1;
const recentMax = 200;

const askSql = `insert into reconcile (repository, asked_at, due_at)
  select lower(name), clock_timestamp(), clock_timestamp() from unnest($1::text[]) name
  on conflict (repository) do update set asked_at = excluded.asked_at, due_at = excluded.due_at
  returning repository, (round + 1)::int as round`;
const claimSql = `update reconcile set round = round + 1, looked_at = clock_timestamp(),
    claimed_until = clock_timestamp() + make_interval(secs => $2)
  where repository = (select repository from reconcile where repository = any($1) and due_at <= clock_timestamp()
    and (claimed_until is null or claimed_until < clock_timestamp()) order by due_at limit 1 for update skip locked)
  returning repository, round::int as round`;
const endSql = `update reconcile set ended_round = round, ended_at = clock_timestamp(), claimed_until = null, way = $3, found = $4, problem = $5,
    due_at = case when asked_at > looked_at then asked_at
      else clock_timestamp() + make_interval(secs => $6::float8 * (1 + ${jitterMax} * random())) end
  where repository = $1 and round = $2`;
const statesSql = `select repository, round::int as round, ended_round::int as "endedRound", looked_at as "lookedAt", ended_at as "endedAt",
    due_at as "dueAt", way, found, problem
  from reconcile where repository = any($1) order by repository`;
const hooksSql = `select distinct hook_id as id from (select hook_id, origin from delivery
  where lower(repository) = lower($1) order by id desc limit ${recentMax}) d where hook_id is not null and origin = 'webhook'`;
const noteHookSql = `insert into reconcile_hook (repository, hook_id, complete_at) values (lower($1), $2, $3)
  on conflict (repository, hook_id) do update set complete_at = greatest(reconcile_hook.complete_at, excluded.complete_at)`;
const noteBranchSql = `insert into reconcile_branch (repository, branch, tip) values (lower($1), $2, $3)
  on conflict (repository, branch) do update set tip = excluded.tip`;
const lastMergeSql = `select sha from build where lower(repository) = lower($1) and ref = $2 and sha is not null
  and trigger in ('pull_request', 'reconcile') and not replay order by id desc limit 1`;
const builtSql = `select sha, max(coalesce((pull_request->>'commits')::int, 1)) as commits from build
  where sha = any($2) and lower(repository) = lower($1) and trigger in ('pull_request', 'reconcile') and not replay group by sha`;
// A pull request may have been closed, opened again, and merged after that.
const seenSql = `select n as number from unnest($2::int[]) n where
  exists (select 1 from build where lower(repository) = lower($1) and pull_request_number = n)
  or exists (select 1 from delivery where lower(repository) = lower($1) and action = 'closed' and name = 'pull_request'
    and starts_with(title, '#' || n || ' ') and not rules @> '[{"rule": "merged", "passed": false}]')`;

export function createReconcileStore(pool: Pool): ReconcileStore {
  const lower = (names: readonly string[]) => names.map((name) => name.toLowerCase());
  return withDatabaseErrors<ReconcileStore>({
    ask: async (repositories) => (await pool.query(askSql, [repositories])).rows,
    claim: async (repositories, seconds) =>
      (await pool.query(claimSql, [lower(repositories), seconds])).rows[0] ?? null,
    async end({ repository, round }, { way, found, problem, againSeconds }) {
      await pool.query(endSql, [repository, round, way, found, problem, againSeconds]);
    },
    states: async (repositories) => (await pool.query<ReconcileState>(statesSql, [lower(repositories)])).rows,
    async hooksSeen(repository) {
      return (await pool.query<{ id: string }>(hooksSql, [repository])).rows.map(({ id }) => id);
    },
    async hookCompleteAt(repository, hookId) {
      const sql = "select complete_at as at from reconcile_hook where repository = lower($1) and hook_id = $2";
      return (await pool.query<{ at: Date }>(sql, [repository, hookId])).rows[0]?.at ?? null;
    },
    async noteHook(repository, hookId, completeAt) {
      await pool.query(noteHookSql, [repository, hookId, completeAt]);
    },
    async knownDeliveries(guids) {
      const sql = "select guid from delivery where guid = any($1)";
      return new Set((await pool.query<{ guid: string }>(sql, [guids])).rows.map(({ guid }) => guid));
    },
    async branchTip(repository, branch) {
      const sql = "select tip from reconcile_branch where repository = lower($1) and branch = $2";
      return (await pool.query<{ tip: string }>(sql, [repository, branch])).rows[0]?.tip ?? null;
    },
    async noteBranch(repository, branch, tip) {
      await pool.query(noteBranchSql, [repository, branch, tip]);
    },
    async lastMerge(repository, branch) {
      return (await pool.query<{ sha: string }>(lastMergeSql, [repository, branch])).rows[0]?.sha ?? null;
    },
    async mergesBuilt(repository, shas) {
      const { rows } = await pool.query<{ sha: string; commits: number }>(builtSql, [repository, shas]);
      return new Map(rows.map(({ sha, commits }) => [sha, commits]));
    },
    async pullRequestsSeen(repository, numbers) {
      const { rows } = await pool.query<{ number: number }>(seenSql, [repository, numbers]);
      return new Set(rows.map(({ number }) => number));
    },
  });
}
