// The statements on what of the activity list has changed. A position is a snapshot of PostgreSQL's: it says of every transaction
// whether it was committed by then, however the transactions overlapped.

import type { Pool, PoolClient } from "pg";
import type { ActivityChanges, Changed } from "../../core/ports.ts";
import { activityKey, type Changes } from "./changes.ts";

const thingsMax = 100;
/** Several for each thing, of those that are looked at. */
const rowsMax = 2_000;
/** Of the ring. */
const keptMax = 20_000;
const sweptMax = 10_000;

// Source: PostgreSQL, 9.26.14 "Transaction ID and Snapshot Information": xmin:xmax:those between them that still ran.
const snapshot = /^\d{1,19}:\d{1,19}:(?:\d{1,19}(?:,\d{1,19})*)?$/;
const snapshotCharsMax = 8_000;

/**
 * `isLost`: a change was swept that the position may not know. A transaction's number above the server's own next one is
 * another server's: the database was put in from a backup.
 */
const sinceSql = `
  with asked as (select $1::pg_snapshot as after, coalesce($2::pg_snapshot, pg_current_snapshot()) as until,
      pg_snapshot_xmax(pg_current_snapshot()) as next),
    new as (select build_id, delivery_id, change.xid from change, asked
      where change.xid >= pg_snapshot_xmin(after) and change.xid < next
        and not pg_visible_in_snapshot(change.xid, after) and pg_visible_in_snapshot(change.xid, until)
      order by change.xid limit ${rowsMax}),
    things as (select build_id, delivery_id, max(xid::text::numeric) as last from new group by 1, 2)
  select until::text as position, (select count(*)::int from new) as rows,
    pg_snapshot_xmax(after) > next or exists (select from change_sweep s where s.xid >= pg_snapshot_xmin(after) and s.xid < next) as "isLost",
    (select coalesce(json_agg(json_build_object('buildId', build_id, 'deliveryId', delivery_id) order by last, build_id, delivery_id), '[]') from things) as things
  from asked`;

interface SinceRow {
  readonly position: string;
  readonly rows: number;
  readonly isLost: boolean;
  readonly things: readonly { readonly buildId: number | null; readonly deliveryId: number | null }[];
}

export function createActivityChanges(pool: Pool, changes: Changes): ActivityChanges {
  return {
    position: () => readPosition(pool),
    since: (position, until) => readSince(pool, position, until),
    changed: (ms, signal) => changes.next(activityKey, ms, signal),
  };
}

async function readPosition(pool: Pool): Promise<string> {
  const { rows } = await pool.query<{ position: string }>("select pg_current_snapshot()::text as position");
  return rows[0]?.position ?? "";
}

async function readSince(pool: Pool, position: string, until: string | null): Promise<Changed> {
  if (!isSnapshot(position)) return { position: until ?? (await readPosition(pool)), ids: null };
  const { rows } = await pool.query<SinceRow>(sinceSql, [position, until]);
  const [found] = rows;
  if (found === undefined) throw new Error("the changes could not be read");
  const isTooMuch = found.isLost || found.rows === rowsMax || found.things.length > thingsMax;
  return { position: found.position, ids: isTooMuch ? null : found.things.map(toId) };
}

/** PostgreSQL refuses other texts: what is between has to be between, and in order. */
function isSnapshot(text: string): boolean {
  if (text.length > snapshotCharsMax || !snapshot.test(text)) return false;
  const [xmin = "", xmax = "", running = ""] = text.split(":");
  const all = [xmin, ...running.split(",").filter((one) => one !== ""), xmax].map(BigInt);
  const isAscending = all.every((one, index) => index === 0 || one >= (all[index - 1] ?? one));
  return isAscending && all.every((one) => one > 0n) && (running === "" || all.at(-1) !== all.at(-2));
}

/** As the list has them. */
function toId({ buildId, deliveryId }: SinceRow["things"][number]): string {
  return buildId === null ? `d${deliveryId}` : `b${buildId}`;
}

/** Some of the oldest, of a transaction all or none. Returns how many are gone. */
export async function sweepChanges(client: PoolClient): Promise<number> {
  // What another server has noted: it would be the newest for ever.
  const next = "pg_snapshot_xmax(pg_current_snapshot())";
  await client.query(`delete from change where xid >= ${next}`);
  await client.query(`delete from change_sweep where xid >= ${next}`);
  const { rowCount } = await client.query(
    `with last as (select least(newest.xid, oldest.xid) as xid
         from (select xid from change order by xid desc offset ${keptMax} limit 1) newest,
           (select max(xid::text::numeric)::text::xid8 as xid from (select xid from change order by xid limit ${sweptMax}) as few) oldest),
       noted as (insert into change_sweep (id, xid) select 1, xid from last on conflict (id) do update set xid = excluded.xid)
     delete from change using last where change.xid <= last.xid`,
  );
  return rowCount ?? 0;
}
