// Which ids a build's spans have: what several processes have to agree on is computed, so that whoever comes later goes on with
// the same trace. Source: W3C Trace Context, version 00.

import { createHash, randomBytes } from "node:crypto";
import type { Build } from "../../core/build.ts";

export interface SpanPlace {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
}

const pattern = /^00-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$/;

export function newPlace(): SpanPlace {
  return { traceId: randomBytes(16).toString("hex"), spanId: randomBytes(8).toString("hex") };
}

export function toTraceparent({ traceId, spanId }: SpanPlace): string {
  return `00-${traceId}-${spanId}-01`;
}

export interface BuildPlaces {
  /** Null: the build begins its trace. */
  readonly parent: SpanPlace | null;
  /** Of the whole build. */
  readonly run: SpanPlace;
  attempt(number: number): SpanPlace;
}

/** `traceparent`: as it was stored. Builds that nobody has delivered have a trace of their own. */
export function placesOf({ id, createdAt }: Pick<Build, "id" | "createdAt">, traceparent: string | null): BuildPlaces {
  const [, traceId, spanId] = pattern.exec(traceparent ?? "") ?? [];
  const parent = traceId === undefined || spanId === undefined ? null : { traceId, spanId };
  const trace = parent?.traceId ?? hash(`trace of build ${id} of ${createdAt.toISOString()}`, 32);
  return {
    parent,
    run: { traceId: trace, spanId: hash(`${trace} build ${id}`, 16) },
    attempt: (number) => ({ traceId: trace, spanId: hash(`${trace} build ${id} attempt ${number}`, 16) }),
  };
}

function hash(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
