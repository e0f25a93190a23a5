// The SecretStore on PostgreSQL.

import type { Pool } from "pg";
import type { SecretStore, StoredSecret } from "../../core/ports.ts";
import { secretIdOf } from "../secret-id.ts";
import { withDatabaseErrors } from "./store.ts";

const forgetSql = `update webhook_secret set secret = null
  where secret is not null and replaced_at <= now() - make_interval(hours => $1)`;
const acceptedSql = `select id, secret, origin, rolled_out_at is not null as "isRolledOut",
    extract(epoch from now() - made_at)::float8 * 1000 as "ageMs",
    extract(epoch from replaced_at + make_interval(hours => $1) - now())::float8 * 1000 as "acceptedMs"
  from webhook_secret where secret is not null and (replaced_at is null or replaced_at > now() - make_interval(hours => $1))
  order by place desc`;
const keepSql = `insert into webhook_secret (id, secret, origin, rolled_out_at)
  values ($1, $2, $3, case when $4 then now() end) on conflict (id) do nothing`;
const rolledOutSql = `with done as (update webhook_secret set rolled_out_at = coalesce(rolled_out_at, now()) where id = $1 returning place)
  update webhook_secret as older set replaced_at = now() from done
  where older.place < done.place and older.origin = 'made' and older.replaced_at is null`;

export function createSecretStore(pool: Pool): SecretStore {
  return withDatabaseErrors<SecretStore>({
    async accepted(overlapHours) {
      const { rows } = await pool.query<StoredSecret>(acceptedSql, [overlapHours]);
      await pool.query(forgetSql, [overlapHours]);
      return rows;
    },
    async keep({ secret, origin, isRolledOut }) {
      const id = secretIdOf(secret);
      await pool.query(keepSql, [id, secret, origin, isRolledOut]);
      return id;
    },
    async rolledOut(id) {
      await pool.query(rolledOutSql, [id]);
    },
  });
}
