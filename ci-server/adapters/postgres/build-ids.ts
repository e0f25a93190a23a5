// Ids for builds that are still to come: taken from the database before they are needed, so that a batch need not ask for them.

import type { PoolClient } from "pg";

const idsMax = 256;
const takeSql = "select nextval(pg_get_serial_sequence('build', 'id')) as id from generate_series(1, $1)";

/** Those that are left when the process ends are never used: it keeps no more than four times what was last needed. */
export class BuildIds {
  #free: number[] = [];

  /** Ascending; null when there are not enough. */
  take(count: number): number[] | null {
    return count > this.#free.length ? null : this.#free.splice(0, count);
  }

  /** The database has given higher ones since: a build that comes later has the higher id. */
  forget(): void {
    this.#free = [];
  }

  /** For another batch, after one that needed `used`. */
  async refill(client: PoolClient, used: number): Promise<void> {
    if (this.#free.length >= used) return;
    const values = [Math.min(4 * used, idsMax) - this.#free.length];
    const { rows } = await client.query<{ id: string }>({ name: "take-ids", text: takeSql, values });
    this.#free.push(...rows.map(({ id }) => Number(id)));
  }
}
