// What a running process has open.

import type { Logger } from "pino";
import type { OpenPostgres } from "./adapters/postgres/open.ts";
import type { Forges } from "./app-forges.ts";
import type { Observing } from "./app-observing.ts";
import type { Config } from "./config.ts";
import type { Check } from "./http/health.ts";

/** `closers`: in the order of opening. */
export interface Opened {
  readonly config: Config;
  readonly log: Logger;
  readonly postgres: OpenPostgres;
  readonly observing: Observing;
  readonly forges: Forges;
  readonly checks: Record<string, Check>;
  readonly closers: (() => Promise<void>)[];
  isDraining: boolean;
}
