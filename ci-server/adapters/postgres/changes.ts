// Tells those who wait that a build or its log has changed: NOTIFY reaches every process on the same database.

import type { Pool, PoolClient } from "pg";
import type { Logger } from "pino";

export const changeChannel = "mergedock_build";
/** What changes of the activity list wake up: in the place of a build's id. */
export const activityKey = "activity";
const reconnectMs = 1_000;

export const notifyChanged = `select pg_notify('${changeChannel}', $1)`;

/** A notification may be missed while the connection is renewed: whoever waits does so with a time limit and reads again. */
export class Changes {
  readonly #pool: Pool;
  readonly #log: Logger;
  readonly #revive: () => Promise<void>;
  readonly #waiting = new Map<string, Set<() => void>>();
  #client: PoolClient | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  /** `revive`: what can be done for a database that has gone, before it is connected to again. */
  constructor(pool: Pool, log: Logger, revive: () => Promise<void>) {
    this.#pool = pool;
    this.#log = log;
    this.#revive = revive;
  }

  async start(): Promise<void> {
    const client = await this.#pool.connect();
    if (this.#stopped) return client.release(true);
    this.#client = client;
    client.on("notification", (message) => this.#wake(message.payload ?? ""));
    client.once("error", (error) => this.#reconnect(error));
    await client.query(`listen ${changeChannel}`);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#client?.release(true);
    this.#client = null;
    for (const id of [...this.#waiting.keys()]) this.#wake(id);
  }

  /** Resolves at the next change of the build, or of what else has a name, after `ms`, or on abort: never rejects. */
  next(id: number | string, ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#stopped) return Promise.resolve();
    const key = String(id);
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(key) ?? new Set();
      this.#waiting.set(key, waiting);
      const done = () => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        waiting.delete(done);
        if (waiting.size === 0) this.#waiting.delete(key);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener("abort", done);
      waiting.add(done);
    });
  }

  #wake(id: string): void {
    for (const done of [...(this.#waiting.get(id) ?? [])]) done();
  }

  #reconnect(error: Error): void {
    this.#client?.release(error);
    this.#client = null;
    if (this.#stopped || this.#timer !== null) return;
    this.#log.warn({ err: error }, "the notification connection was lost");
    this.#timer = setTimeout(() => {
      this.#timer = null;
      void this.#revive()
        .then(() => this.start())
        .catch((again: Error) => this.#reconnect(again));
    }, reconnectMs);
  }
}
