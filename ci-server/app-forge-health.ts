// What becomes of news of the forges: the log has each change, and the database the last of each, for whichever process shows it.

import type { Logger } from "pino";
import type { ForgeHealth } from "./core/forge-health.ts";
import type { ForgeHealthStore } from "./core/ports.ts";

export interface ForgeHealthNeeds {
  readonly log: Logger;
  readonly store: ForgeHealthStore;
}

export interface TellingForgeHealth {
  /** Returns at once and never throws. */
  changed(health: ForgeHealth): void;
  /** All that was told is stored, or could not be. */
  settled(): Promise<void>;
}

export function tellForgeHealth({ log, store }: ForgeHealthNeeds): TellingForgeHealth {
  const states = new Map<string, ForgeHealth["state"]>();
  // Only the last of each is worth storing.
  const waiting = new Map<string, ForgeHealth>();
  let storing: Promise<void> | null = null;
  const storeAll = async () => {
    for (;;) {
      const [first] = waiting;
      if (first === undefined) return;
      waiting.delete(first[0]);
      await store.put(first[1]).catch((err: unknown) => log.warn({ err }, "how the forge fares could not be stored"));
    }
  };
  return {
    changed(health) {
      const key = JSON.stringify([health.apiUrl, health.credential]);
      if (states.get(key) !== health.state) write(log, health);
      states.set(key, health.state);
      waiting.delete(key);
      waiting.set(key, health);
      storing ??= storeAll().finally(() => {
        storing = null;
      });
    },
    settled: async () => void (await storing),
  };
}

function write(log: Logger, { forge, apiUrl, credential, state, until, problem }: ForgeHealth): void {
  const fields = { forge, apiUrl, ...(credential === "" ? {} : { credential }) };
  if (state === "ok") log.info(fields, "the forge can be asked again");
  else if (state === "rate_limited") log.warn({ ...fields, until, problem }, "the forge wants to be left alone");
  else log.warn({ ...fields, problem }, "the forge does not answer, it is asked now and then");
}
