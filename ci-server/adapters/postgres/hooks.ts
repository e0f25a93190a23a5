// The HookStore on PostgreSQL, and who has gone to the forge to make an App.

import type { Pool } from "pg";
import type { AppRequests, HookStore, HookTrace, KeptHook } from "../../core/ports.ts";
import { withDatabaseErrors } from "./store.ts";

const columns = `forge, repository, hook_id as "hookId", url, secret_id as "secretId", changed_at as "changedAt", last_ping_at as "lastPingAt"`;
const saveSql = `insert into forge_hook (forge, repository, hook_id, url, secret_id) values ($1, $2, $3, $4, $5)
  on conflict (forge, lower(repository)) do update set hook_id = excluded.hook_id, url = excluded.url, secret_id = excluded.secret_id,
    changed_at = now(), last_ping_at = case when forge_hook.hook_id = excluded.hook_id then forge_hook.last_ping_at end`;
// Of the newest so many: a repository whose deliveries are all of other hooks is not read to its end.
const lastSql = `select at as "receivedAt", secret_id as "secretId" from (
    select d.id, d.received_at as at, d.secret_id, d.hook_id from delivery d
    where lower(d.repository) = lower($2) and d.forge = $1 order by d.id desc limit 1000) as newest
  where $3::text is null or hook_id = $3 or hook_id is null order by id desc limit 1`;
// The second condition is the index's. A Gitea does not say which hook it is.
const isPing =
  "d.name = 'ping' and d.name <> 'pull_request' and d.forge = $1 and (d.hook_id = $3 or d.hook_id is null) and lower(d.repository) = lower($2)";
const pingSql = `update forge_hook set last_ping_at = coalesce((select d.received_at from delivery d where ${isPing}
    order by d.id desc limit 1), last_ping_at)
  where forge = $1 and lower(repository) = lower($2) and hook_id = $3 returning last_ping_at as at`;

export function createHookStore(pool: Pool): HookStore {
  return withDatabaseErrors<HookStore>({
    list: async () => (await pool.query<KeptHook>(`select ${columns} from forge_hook order by lower(repository)`)).rows,
    async find(forge, repository) {
      const text = `select ${columns} from forge_hook where forge = $1 and lower(repository) = lower($2)`;
      return (await pool.query<KeptHook>(text, [forge, repository])).rows[0] ?? null;
    },
    async save({ forge, repository, hookId, url, secretId }) {
      await pool.query(saveSql, [forge, repository, hookId, url, secretId]);
    },
    async lastDelivery({ forge, repository, hookId }) {
      return (await pool.query<HookTrace>(lastSql, [forge, repository, hookId])).rows[0] ?? null;
    },
    async lastPing({ forge, repository, hookId }) {
      return (await pool.query<{ at: Date | null }>(pingSql, [forge, repository, hookId])).rows[0]?.at ?? null;
    },
    async pingedSince({ forge, repository, hookId }, deliveryId) {
      const text = `select 1 from delivery d where ${isPing} and d.id > $4 limit 1`;
      return (await pool.query(text, [forge, repository, hookId, deliveryId])).rowCount === 1;
    },
    async newestDelivery() {
      const text = "select coalesce(max(id), 0)::float8 as id from delivery";
      return (await pool.query<{ id: number }>(text)).rows[0]?.id ?? 0;
    },
  });
}

export function createAppRequests(pool: Pool): AppRequests {
  return withDatabaseErrors<AppRequests>({
    async begin({ hash, sessionHash, host }, seconds) {
      await pool.query("delete from app_request where expires_at < now()");
      await pool.query(
        "insert into app_request (hash, session_hash, host, expires_at) values ($1, $2, $3, now() + make_interval(secs => $4))",
        [hash, sessionHash, host, seconds],
      );
    },
    async take(hash, sessionHash) {
      const text =
        "delete from app_request where hash = $1 and session_hash = $2 and expires_at > now() returning host";
      return (await pool.query<{ host: string }>(text, [hash, sessionHash])).rows[0]?.host ?? null;
    },
  });
}
