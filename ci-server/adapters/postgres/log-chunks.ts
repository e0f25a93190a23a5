// A build's log in chunks of lines: few rows, read in order after any line.

import type { Pool } from "pg";
import type { AttemptKey, LogLine, Stage } from "../../core/build.ts";
import type { LogSize } from "../../core/log-budget.ts";
import { mine, run } from "./attempts.ts";
import { changeChannel } from "./changes.ts";

/** What is null is not written: most of a log is of one kind. */
interface StoredLine extends Partial<Pick<LogLine, "service" | "step" | "stream">> {
  readonly at: string;
  readonly stage: Stage;
  readonly text: string;
}

interface ChunkRow {
  readonly seq: string;
  readonly lines: readonly StoredLine[];
}

const chunksMax = 40;

export async function appendChunk(pool: Pool, at: AttemptKey, lines: readonly LogLine[]): Promise<void> {
  const first = lines[0];
  if (first === undefined) return;
  const stored = JSON.stringify(lines.map(toStored));
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

/** Starts with the chunk that holds the line after `afterSeq`. Whole chunks are read: who has no use for fewer lines asks for all of them. */
export async function readChunks(
  pool: Pool,
  id: number,
  afterSeq: number,
  linesMax: number = Number.MAX_SAFE_INTEGER,
): Promise<LogLine[]> {
  const last = Math.min(afterSeq + linesMax, Number.MAX_SAFE_INTEGER);
  const { rows } = await pool.query<ChunkRow>(
    `select seq, lines from log_chunk where build_id = $1 and seq <= $3
       and seq >= coalesce((select max(seq) from log_chunk where build_id = $1 and seq <= $2), 0) order by seq limit $4`,
    [id, afterSeq + 1, last, chunksMax],
  );
  return rows.flatMap(toLines).filter(({ seq }) => seq > afterSeq && seq <= last);
}

/** Lines have consecutive numbers from 1 on. */
export async function logSize(pool: Pool, id: number): Promise<LogSize> {
  const { rows } = await pool.query<{ lines: string; bytes: string | null }>(
    `select count(*) as lines, sum(octet_length(line ->> 'text') + 1) as bytes
     from log_chunk, jsonb_array_elements(lines) as line where build_id = $1`,
    [id],
  );
  return { lines: Number(rows[0]?.lines ?? 0), bytes: Number(rows[0]?.bytes ?? 0) };
}

function toStored({ at, stage, service, step, stream, text }: LogLine): StoredLine {
  return {
    ...{ at: at.toISOString(), stage, text },
    ...(service !== null && { service }),
    ...(step !== null && { step }),
    ...(stream !== null && { stream }),
  };
}

function toLines(row: ChunkRow): LogLine[] {
  return row.lines.map(({ at, stage, service = null, step = null, stream = null, text }, index) => ({
    ...{ seq: Number(row.seq) + index, at: new Date(at), stage },
    ...{ service, step, stream, text },
  }));
}
