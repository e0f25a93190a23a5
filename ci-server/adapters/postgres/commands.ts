// The statements on commands given in comments: claimed one at a time, obeyed once, kept until they are old.

import type { Pool } from "pg";
import type { CommandCount, CommandJob, CommandStore } from "../../core/ports.ts";
import { insertAudit } from "./audit.ts";
import { activityKey, type Changes, changeChannel } from "./changes.ts";
import { withDatabaseErrors } from "./store.ts";
import { transaction } from "./transaction.ts";

/** Of migrations/0016-commands.sql: who waits for new ones is woken under it. */
const commandKey = "command";
const deliveriesMax = 20;

const claimSql = `update comment_command set attempts = attempts + 1, due_at = now() + make_interval(secs => $1)
  where id = (select id from comment_command where state = 'pending' and due_at <= now()
    order by id limit 1 for update skip locked)
  returning id, forge, repository, repository_id as "repositoryId", comment_id as "commentId", pull_request as "pullRequest",
    author, command, commented_at as "commentedAt", delivery_guid as "deliveryGuid", attempts`;
const dueSql = `select extract(epoch from min(due_at) - now())::float8 * 1000 as ms from comment_command where state = 'pending'`;
const countSql = `select count(*) filter (where other.author = me.author and other.id < me.id)::int as "byAuthor",
    count(*) filter (where other.state = 'done')::int as obeyed
  from comment_command me join comment_command other on other.repository_id = me.repository_id and other.forge = me.forge
    and lower(other.repository) = lower(me.repository) and other.pull_request = me.pull_request and other.id <> me.id and other.created_at > me.created_at - interval '1 hour'
  where me.id = $1`;
const newestSql = `select id from build where lower(repository) = lower($1) and pull_request_number = $2 and sha is not null
  order by id desc limit 1`;
// Its title begins with the number; whether it was merged is in its body.
const deliveriesSql = `select guid from delivery where lower(repository) = lower($1) and forge = $2 and name = 'pull_request'
  and action = 'closed' and starts_with(title, $3) order by id desc limit ${deliveriesMax}`;
const builtSql = "update comment_command set build_id = $2 where id = $1 and build_id is null";
const endSql = `with ended as (
    update comment_command set state = $3, reason = $4, ended_at = now()
    where id = $1 and state = 'pending' and attempts = $2 returning delivery_guid),
  entry as (
    update delivery set reason = $4, rules = rules || $5::jsonb
    where guid = (select delivery_guid from ended) returning id),
  noted as (insert into change (delivery_id) select id from entry)
  select pg_notify('${changeChannel}', '${activityKey}') from entry`;
const postponeSql = `update comment_command set reason = $3, due_at = now() + make_interval(secs => $4::float8 / 1000)
  where id = $1 and state = 'pending' and attempts = $2`;
const forgetSql =
  "delete from comment_command where state <> 'pending' and ended_at < now() - make_interval(days => $1)";

type JobRow = Omit<CommandJob, "id" | "repositoryId"> & { readonly id: string; readonly repositoryId: string };

export function createCommandStore(pool: Pool, changes: Changes): CommandStore {
  return {
    ...withDatabaseErrors<Omit<CommandStore, "changed">>({
      async claim(seconds) {
        const [row] = (await pool.query<JobRow>(claimSql, [seconds])).rows;
        return row === undefined ? null : { ...row, id: Number(row.id), repositoryId: Number(row.repositoryId) };
      },
      async nextDueMs() {
        return (await pool.query<{ ms: number | null }>(dueSql)).rows[0]?.ms ?? null;
      },
      async count({ id }) {
        return (await pool.query<CommandCount>(countSql, [id])).rows[0] ?? { byAuthor: 0, obeyed: 0 };
      },
      async buildOf(key) {
        const sql = "select build_id as id from idempotency_key where key = $1";
        return idOf((await pool.query<{ id: string }>(sql, [key])).rows);
      },
      async newestBuild({ repository, pullRequest }) {
        return idOf((await pool.query<{ id: string }>(newestSql, [repository, pullRequest])).rows);
      },
      async mergeDeliveries({ forge, repository, pullRequest }) {
        const values = [repository, forge, `#${pullRequest} `];
        return (await pool.query<{ guid: string }>(deliveriesSql, values)).rows.map(({ guid }) => guid);
      },
      built: (job, buildId, audit, entriesMax) =>
        transaction(pool, async (client) => {
          const { rowCount } = await client.query(builtSql, [job.id, buildId]);
          if (rowCount === 1) await insertAudit(client, audit, entriesMax);
        }),
      async end({ id, attempts }, { state, reason, rules }) {
        await pool.query(endSql, [id, attempts, state, reason, JSON.stringify(rules)]);
      },
      async postpone({ id, attempts }, problem, retryMs) {
        await pool.query(postponeSql, [id, attempts, problem, retryMs]);
      },
      async forget(daysMax) {
        return (await pool.query(forgetSql, [daysMax])).rowCount ?? 0;
      },
    }),
    changed: (ms, signal) => changes.next(commandKey, ms, signal),
  };
}

function idOf([row]: readonly { readonly id: string }[]): number | null {
  return row === undefined ? null : Number(row.id);
}
