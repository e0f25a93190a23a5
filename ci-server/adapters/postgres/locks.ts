// Locks by name over all processes: an advisory lock in a transaction of its own, which ends with its connection.

import { setTimeout as sleep } from "node:timers/promises";
import type { Pool, PoolClient } from "pg";
import { AppError, toAppError } from "../../core/errors.ts";
import type { Lease } from "../../core/ports.ts";
import { Turns } from "../turns.ts";
import { transaction } from "./transaction.ts";

/** Whoever holds a lock is heard of this often... */
const beatMs = 4_000;
/** ...and loses it when nothing was heard for so long. */
const silenceMsMax = 12_000;
const askAgainMs = 50;
/** Keeps these names apart from other advisory locks. */
const seed = 7_310_004;

export class Locks {
  readonly #pool: Pool;
  readonly #turns = new Turns();
  /** So many connections at most are held by locks: those who hold one need others for their work. */
  readonly #heldMax: number;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.#heldMax = Math.max(1, Math.floor((pool.options.max ?? 1) / 3));
  }

  /** Those of this process wait for one another here, without a connection. */
  hold<T>(name: string, signal: AbortSignal, work: (lock: Lease) => Promise<T>): Promise<T> {
    return this.#turns.take(String(sum(name) % this.#heldMax), signal, async () => {
      for (;;) {
        signal.throwIfAborted();
        const held = await this.#tryToHold(name, work);
        if (held !== null) return held.result;
        await sleep(askAgainMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    });
  }

  /** Null when another process has it. A connection that waited for it would be missing elsewhere. */
  #tryToHold<T>(name: string, work: (lock: Lease) => Promise<T>): Promise<{ readonly result: T } | null> {
    const begin = `begin; set local idle_in_transaction_session_timeout = ${silenceMsMax}`;
    const hold = async (client: PoolClient) => {
      const text = "select pg_try_advisory_xact_lock(hashtextextended($1, $2)) as held";
      const { rows } = await client.query<{ held: boolean }>(text, [name, seed]);
      return rows[0]?.held === true ? { result: await whileHeld(client, name, work) } : null;
    };
    return transaction(this.#pool, hold, begin);
  }
}

async function whileHeld<T>(client: PoolClient, name: string, work: (lock: Lease) => Promise<T>): Promise<T> {
  const ending = new AbortController();
  const lose = (cause: unknown) => {
    const { message } = toAppError(cause);
    ending.abort(new AppError("unavailable", `the lock "${name}" was lost: ${message}`, { cause }));
  };
  const confirm = async () => {
    ending.signal.throwIfAborted();
    await client.query("select 1").catch(lose);
    ending.signal.throwIfAborted();
  };
  client.on("error", lose);
  const beat = setInterval(() => void confirm().catch(() => undefined), beatMs);
  try {
    return await work({ signal: ending.signal, confirm });
  } finally {
    clearInterval(beat);
    client.off("error", lose);
  }
}

function sum(text: string): number {
  return [...text].reduce((total, char) => total + (char.codePointAt(0) ?? 0), 0);
}
