// Keeps the ledger within its limits: removes the oldest deliveries, a bounded number with each statement.

import type { Pool, PoolClient } from "pg";
import type { LedgerLimits } from "../../core/delivery.ts";
import { sweepChanges } from "./activity-changes.ts";
import { transaction } from "./transaction.ts";

const rowsMax = 1_000;
// One sweep at a time, whichever process it runs in; any constant will do.
const lockKey = 7_310_003;

const tooOld = "now() - make_interval(days => $1)";
const removeOldDeliveries = `delete from delivery where id in
  (select id from delivery where received_at < ${tooOld} order by received_at limit $2)`;
const removeOldKeys = `delete from idempotency_key where key in
  (select key from idempotency_key where created_at < ${tooOld} order by created_at limit $2)`;
// As many of the oldest as it takes to make room for the excess.
const removeExcess = `with excess as (select sum(stored_bytes) - $1 as bytes from delivery),
  oldest as (select id, sum(stored_bytes) over (order by id) - stored_bytes as bytes_before
    from (select id, stored_bytes from delivery order by id limit $2) as first)
  delete from delivery where id in (select id from oldest, excess where oldest.bytes_before < excess.bytes)`;

/** Returns how many deliveries were removed. */
export async function sweepLedger(pool: Pool, limits: LedgerLimits, signal: AbortSignal): Promise<number> {
  let removed = 0;
  for (;;) {
    signal.throwIfAborted();
    const counts = await transaction(pool, (client) => removeSome(client, limits));
    removed += counts.old + counts.excess;
    if (Object.values(counts).every((count) => count < rowsMax)) return removed;
  }
}

interface Counts {
  readonly old: number;
  readonly excess: number;
  readonly keys: number;
  readonly changes: number;
}

/** Each transaction is short, so that nobody who stores or reads has to wait for a sweep. */
async function removeSome(client: PoolClient, { daysMax, bytesMax }: LedgerLimits): Promise<Counts> {
  const remove = async (sql: string, limit: number) => (await client.query(sql, [limit, rowsMax])).rowCount ?? 0;
  const lock = await client.query<{ free: boolean }>("select pg_try_advisory_xact_lock($1) as free", [lockKey]);
  if (lock.rows[0]?.free !== true) return { old: 0, excess: 0, keys: 0, changes: 0 };
  const old = await remove(removeOldDeliveries, daysMax);
  // What is too old is no reason to remove what is not: first all of that has to be gone.
  const excess = old < rowsMax ? await remove(removeExcess, bytesMax) : 0;
  const keys = await remove(removeOldKeys, daysMax);
  return { old, excess, keys, changes: await sweepChanges(client) };
}
