// A build's log in chunks of lines: few rows, read in order after any line.

import type { Pool } from "pg";
import type { AttemptKey, LogLine, Stage } from "../../core/build.ts";
import { mine, run } from "./attempts.ts";
import { changeChannel } from "./changes.ts";

interface ChunkRow {
  readonly seq: string;
  readonly lines: readonly { readonly at: string; readonly stage: Stage; readonly text: string }[];
}

const chunksMax = 40;

export async function appendChunk(pool: Pool, at: AttemptKey, lines: readonly LogLine[]): Promise<void> {
  const first = lines[0];
  if (first === undefined) return;
  const stored = JSON.stringify(lines.map(({ at, stage, text }) => ({ at, stage, text })));
  // One statement: lines that are stored are also told of, or neither.
  await run(
    pool,
    at,
    `with ${mine}, stored as (insert into log_chunk (build_id, seq, lines) select id, $3, $4 from mine
       on conflict (build_id, seq) do update set lines = excluded.lines returning build_id)
     select pg_notify('${changeChannel}', build_id::text) from stored`,
    [first.seq, stored],
  );
}

/** Starts with the chunk that holds the line after `afterSeq`. */
export async function readChunks(pool: Pool, id: number, afterSeq: number): Promise<LogLine[]> {
  const { rows } = await pool.query<ChunkRow>(
    `select seq, lines from log_chunk where build_id = $1
       and seq >= coalesce((select max(seq) from log_chunk where build_id = $1 and seq <= $2), 0) order by seq limit $3`,
    [id, afterSeq + 1, chunksMax],
  );
  return rows.flatMap(toLines).filter((line) => line.seq > afterSeq);
}

/** The number of the last line; 0 for an empty log. */
export async function lastSeq(pool: Pool, id: number): Promise<number> {
  const { rows } = await pool.query<{ last: string | null }>(
    "select seq + jsonb_array_length(lines) - 1 as last from log_chunk where build_id = $1 order by seq desc limit 1",
    [id],
  );
  return Number(rows[0]?.last ?? 0);
}

function toLines(row: ChunkRow): LogLine[] {
  return row.lines.map((line, index) => ({ ...line, at: new Date(line.at), seq: Number(row.seq) + index }));
}
