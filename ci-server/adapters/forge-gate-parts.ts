// What the gate in front of a forge's API is asked, what it tells, and within which limits it works.

import { AppError } from "../core/errors.ts";
import type { ForgeHealth } from "../core/forge-health.ts";
import type { Clock } from "../core/ports.ts";

/** Who asks. `key` tells one from another and may be made of a secret; `name` is shown. */
export interface Credential {
  readonly key: string;
  readonly name: string;
}

export interface GateQuestion {
  /** `github`. */
  readonly forge: string;
  readonly apiUrl: string;
  readonly credential: Credential;
  /** Writes of one credential go one after the other. */
  readonly isWrite: boolean;
  readonly signal: AbortSignal;
  /** Asks whether the forge answers at all, with no credential; throws `unavailable`. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
}

/** How many more questions the forge takes before it has to be left alone for `resetMs`. */
export interface Allowance {
  readonly remaining: number;
  readonly resetMs: number;
}

export interface GateAnswer {
  /** Null where the forge says nothing of it. */
  readonly allowance: Allowance | null;
}

/** `held`: not asked. */
export type GateOutcome = "ok" | "refused" | "rate_limited" | "unavailable" | "held";

export interface GateObserver {
  /** Returns at once and never throws. */
  asked(question: Pick<GateQuestion, "forge" | "apiUrl">, outcome: GateOutcome): void;
  allowed(question: Pick<GateQuestion, "forge" | "apiUrl">, remaining: number): void;
  changed(health: ForgeHealth): void;
}

export interface GateLimits {
  /** The longest that a forge is left alone, whatever it says. */
  readonly pauseMsMax: number;
  /** After so many questions without an answer, one after the other, it is asked now and then only. */
  readonly failuresMax: number;
  /** Writes of one credential that wait for their turn. */
  readonly waitingMax: number;
}

export interface GateParts {
  readonly clock: Clock;
  readonly limits: GateLimits;
  readonly observer: GateObserver;
}

/** Of a question that was not asked. */
export function heldBack(code: "rate_limited" | "unavailable", message: string, retryAfterMs: number): AppError {
  return new AppError(code, message, { details: { retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)), held: true } });
}
