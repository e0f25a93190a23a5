// The statements on notifications: made of builds that have ended, claimed one at a time, kept until they are old.

import type { Pool, PoolClient } from "pg";
import type { Build, Result } from "../../core/build.ts";
import { neutralResults } from "../../core/notification.ts";
import type { Notification, NotificationEntry, NotificationStore } from "../../core/ports.ts";
import { findBuild } from "./builds.ts";
import { withDatabaseErrors } from "./store.ts";
import { transaction } from "./transaction.ts";

const endsSql = `delete from build_end where build_id in (
    select build_id from build_end order by build_id limit $1 for update skip locked)
  returning build_id as id, ended_at < now() - make_interval(hours => $2) as "isOld"`;
const beforeSql = `select b.result from build b join build me on me.id = $1
  where lower(b.repository) = lower(me.repository) and b.ref is not distinct from me.ref and b.id < me.id
    and b.result is not null and b.result <> all($2) order by b.id desc limit 1`;
const insertSql = "insert into notification (build_id, channel, notice) values ($1, $2, $3)";
const claimSql = `update notification set attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
  where id = (select id from notification where channel = $1 and state = 'pending' and due_at <= now()
    order by place limit 1 for update skip locked)
  returning id, channel, notice, attempts, created_at as "createdAt"`;
const dueSql = `select extract(epoch from min(due_at) - now())::float8 * 1000 as ms
  from notification where channel = $1 and state = 'pending'`;
const sentSql = "update notification set state = 'sent', ended_at = now() where id = $1 and state = 'pending'";
const failedSql = `update notification set problem = $2, state = case when $3::float8 is null then 'failed' else state end,
    ended_at = case when $3::float8 is null then now() end, due_at = now() + make_interval(secs => coalesce($3, 0) / 1000)
  where id = $1 and state = 'pending'`;
const giveUpSql = `update notification set state = 'failed', ended_at = now(), problem = coalesce(problem, 'nobody has sent it: is its channel still configured?')
  where state = 'pending' and created_at < now() - make_interval(hours => $1)`;
const forgetSql = "delete from notification where state <> 'pending' and ended_at < now() - make_interval(days => $1)";
const listSql = `select id, place, build_id as "buildId", channel, notice, state, attempts, created_at as "createdAt", ended_at as "endedAt", problem,
    case when state = 'pending' then due_at end as "dueAt"
  from notification where ($1::text is null or state = $1) and ($2::bigint is null or place < $2) order by place desc limit $3`;

type EntryRow = Omit<NotificationEntry, "place" | "buildId"> & { readonly place: string; readonly buildId: string };

export function createNotificationStore(pool: Pool): NotificationStore {
  const count = async (sql: string, values: readonly unknown[]) => (await pool.query(sql, [...values])).rowCount ?? 0;
  return withDatabaseErrors<NotificationStore>({
    make: (given) => transaction(pool, (client) => make(client, given)),
    async claim(channel, seconds) {
      return (await pool.query<Notification>(claimSql, [channel, seconds])).rows[0] ?? null;
    },
    async nextDueMs(channel) {
      return (await pool.query<{ ms: number | null }>(dueSql, [channel])).rows[0]?.ms ?? null;
    },
    async sent(id) {
      await count(sentSql, [id]);
    },
    async failed(id, problem, retryMs) {
      await count(failedSql, [id, problem, retryMs]);
    },
    giveUp: (hoursMax) => count(giveUpSql, [hoursMax]),
    forget: (daysMax) => count(forgetSql, [daysMax]),
    async list({ state, before, limit }) {
      const { rows } = await pool.query<EntryRow>(listSql, [state, before, limit]);
      return rows.map((row) => ({ ...row, place: Number(row.place), buildId: Number(row.buildId) }));
    },
  });
}

async function make(
  client: PoolClient,
  { toNotifications, hoursMax, limit }: Parameters<NotificationStore["make"]>[0],
): Promise<number> {
  const { rows } = await client.query<{ id: string; isOld: boolean }>(endsSql, [limit, hoursMax]);
  for (const { id, isOld } of rows) {
    const build = isOld ? null : await findBuild(client, Number(id));
    if (build === null) continue;
    for (const { channel, notice } of toNotifications(build, await resultBefore(client, build)))
      await client.query(insertSql, [build.id, channel, JSON.stringify(notice)]);
  }
  return rows.length;
}

async function resultBefore(client: PoolClient, { id }: Build): Promise<Result | null> {
  return (await client.query<{ result: Result }>(beforeSql, [id, neutralResults])).rows[0]?.result ?? null;
}
