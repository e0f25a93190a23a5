// Who hears of what the program does: metrics, traces, the log. None of them changes anything of it.

import type { AttemptKey, Build, Failure, Image, Result, Stage } from "../build.ts";
import type { BuildStep } from "../build-step.ts";

export interface AnsweredRequest {
  readonly listener: "api" | "webhooks";
  readonly method: string;
  /** The pattern that the path fitted, such as `/api/v1/builds/:id`; null where it fitted none. */
  readonly route: string | null;
  readonly status: number;
  readonly ms: number;
}

/** Never throws and never waits. */
export type RequestObserver = (request: AnsweredRequest) => void;

/** What happens to a delivery, in this order. */
export const deliveryParts = ["receive", "verify", "store"] as const;
export type DeliveryPart = (typeof deliveryParts)[number];

/** A verified delivery, and what became of it. */
export interface StoredDelivery {
  readonly guid: string;
  readonly forge: string;
  readonly name: string;
  readonly verdict: "build" | "skip" | "duplicate";
  readonly repository: string | null;
  readonly buildId: number | null;
}

/** Hears of one delivery. Never throws and never waits. */
export interface DeliveryWatch {
  /** Of W3C Trace Context, for the build to go on with; null where nobody traces. Made here, and never taken from a request. */
  readonly traceparent: string | null;
  /** This part has ended now; the next one begins. */
  ended(part: DeliveryPart): void;
  stored(delivery: StoredDelivery): void;
  /** It was not verified: nothing more is heard of it. */
  refused(forge: string): void;
}

export interface DeliveryObserver {
  /** A request has come. */
  received(): DeliveryWatch;
}

export interface StageEnd {
  readonly stage: Stage;
  readonly ms: number;
  readonly result: Result;
  readonly failure: Failure | null;
}

export interface AttemptEnd {
  readonly result: Result;
  readonly failure: Failure | null;
  readonly images: readonly Image[];
}

/** Hears of one attempt at a build, in order, one stage at a time. Never throws and never waits. */
export interface AttemptWatch {
  stageStarted(stage: Stage): void;
  stageEnded(end: StageEnd): void;
  /** Of an image whose steps have ended; names and errors without secrets. */
  stepsEnded(service: string, steps: readonly BuildStep[]): void;
  /**
   * The end is stored; null: the build was given back, or taken away from this worker, or its end could not be stored.
   * `droppedLines`: of the attempt's log, beyond its limit.
   */
  ended(end: AttemptEnd | null, droppedLines: number): void;
}

export interface BuildObserver {
  /** The attempt is stored. */
  begun(build: Build, at: AttemptKey): AttemptWatch;
}
