// What processes have learned of the forges' APIs, for those that show it.

import type { ForgeHealth } from "../forge-health.ts";

export interface ForgeHealthStore {
  /** In place of what was known of this API and credential. Throws `unavailable`. */
  put(health: ForgeHealth): Promise<void>;
  /** Those that are not `ok`, of every process. Throws `unavailable`. */
  troubles(): Promise<readonly ForgeHealth[]>;
  /** Outages last seen before: of those that are not over, whoever asks tells again within a minute. Throws `unavailable`. */
  forgetOutages(before: Date): Promise<void>;
}
