// The statements on how the forges' APIs fare: one row for each API and credential, written by whoever learns something.

import type { Pool } from "pg";
import type { ForgeHealth } from "../../core/forge-health.ts";
import type { ForgeHealthStore } from "../../core/ports.ts";
import { withDatabaseErrors } from "./store.ts";

const putSql = `
  insert into forge_health (api_url, credential, forge, state, since, seen_at, until, problem)
  values ($1, $2, $3, $4, $5, $6, $7, $8)
  on conflict (api_url, credential) do update set
    (forge, state, since, seen_at, until, problem) = ($3, $4, $5, $6, $7, $8)`;
const troublesSql = `
  select api_url as "apiUrl", credential, forge, state, since, seen_at as "seenAt", until, problem
  from forge_health where state <> 'ok' order by seen_at desc limit 100`;

export function createForgeHealthStore(pool: Pool): ForgeHealthStore {
  return withDatabaseErrors<ForgeHealthStore>({
    async put({ apiUrl, credential, forge, state, since, seenAt, until, problem }) {
      await pool.query(putSql, [apiUrl, credential, forge, state, since, seenAt, until, problem]);
    },
    async forgetOutages(before) {
      await pool.query("delete from forge_health where state = 'no_answer' and seen_at < $1", [before]);
    },
    troubles: async () => (await pool.query<ForgeHealth>(troublesSql)).rows,
  });
}
