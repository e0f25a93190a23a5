// A build as spans: the build, its time in the queue, its attempts, of each its stages, and of the stage `build` the steps.
// Names and attributes are OpenTelemetry's for CI/CD and version control.
// Source: opentelemetry.io/docs/specs/semconv/cicd/cicd-spans, .../registry/attributes/vcs.

import type { Attributes } from "@opentelemetry/api";
import type { Attempt, Build, Failure, Result, Stage } from "../../core/build.ts";
import type { BuildStep } from "../../core/build-step.ts";
import { buildLink } from "../../core/notice-text.ts";
import type { BuildObserver, Clock, StageEnd } from "../../core/ports.ts";
import type { SpanExport, SpanToSend } from "./exporter.ts";
import { newPlace, placesOf, type SpanPlace } from "./span-ids.ts";

export interface BuildTracing {
  readonly exporter: SpanExport;
  readonly clock: Pick<Clock, "now">;
  /** Id of this worker. */
  readonly worker: string;
  readonly publicUrl: string | null;
  /** The URLs of the configured repositories, by name. */
  readonly urls: ReadonlyMap<string, string>;
}

/** What was stored of the build before the attempt. */
export interface EarlierTrace {
  readonly traceparent: string | null;
  readonly attempts: readonly Attempt[];
}

const plain = { kind: "internal", place: null, attributes: {}, problem: null } as const;

export function traceBuild(tracing: BuildTracing, earlier: EarlierTrace): BuildObserver {
  const { exporter, clock, worker } = tracing;
  return {
    begun(build, { attempt }) {
      const places = placesOf(build, earlier.traceparent);
      const own = places.attempt(attempt);
      const startedAt = clock.now();
      const stage = new StageSpans(own, exporter, clock);
      if (attempt === 1)
        exporter.send({ ...plain, name: "queued", parent: places.run, startedAt: build.createdAt, endedAt: startedAt });
      else sendDead(exporter, places.run, { attempts: earlier.attempts, places, endedAt: startedAt });
      return {
        stageStarted: (name) => stage.start(name),
        stageEnded: (end) => stage.end(end, `${build.id}/${attempt}/${end.stage}`),
        stepsEnded: (service, steps) => stage.steps(service, steps),
        ended(end, droppedLines) {
          const attributes = { ...workedBy(worker, attempt), "mergedock.log.dropped_lines": droppedLines };
          const problem = end === null ? "given back" : problemOf(end.result, end.failure);
          const span = { ...plain, name: `attempt ${attempt}`, parent: places.run, place: own, startedAt };
          exporter.send({ ...span, endedAt: clock.now(), attributes, problem });
          if (end === null) return;
          exporter.send({
            ...{ name: `BUILD ${build.repository}`, kind: "server", parent: places.parent, place: places.run },
            ...{ startedAt: build.createdAt, endedAt: clock.now(), problem },
            attributes: { ...describe(build, tracing), ...resultAttributes(end.result, end.failure) },
          });
        },
      };
    },
  };
}

interface Dead {
  readonly attempts: readonly Attempt[];
  readonly places: { attempt(number: number): SpanPlace };
  readonly endedAt: Date;
}

/** A worker that died cannot send its span: the one after it does. Until when it lived nobody knows. */
function sendDead(exporter: SpanExport, run: SpanPlace, { attempts, places, endedAt }: Dead): void {
  const last = attempts.at(-1);
  if (last === undefined || last.outcome !== null) return;
  const { attempt, worker, startedAt } = last;
  const span = {
    ...plain,
    name: `attempt ${attempt}`,
    parent: run,
    place: places.attempt(attempt),
    startedAt,
    endedAt,
  };
  exporter.send({ ...span, attributes: workedBy(worker, attempt), problem: "its worker died" });
}

/** One stage at a time, with what is below it. */
class StageSpans {
  readonly #attempt: SpanPlace;
  readonly #exporter: SpanExport;
  readonly #clock: Pick<Clock, "now">;
  #place: SpanPlace;
  #startedAt: Date;

  constructor(attempt: SpanPlace, exporter: SpanExport, clock: Pick<Clock, "now">) {
    this.#attempt = attempt;
    this.#exporter = exporter;
    this.#clock = clock;
    this.#place = attempt;
    this.#startedAt = clock.now();
  }

  start(_stage: Stage): void {
    this.#place = { traceId: this.#attempt.traceId, spanId: newPlace().spanId };
    this.#startedAt = this.#clock.now();
  }

  end({ stage, result, failure }: StageEnd, runId: string): void {
    const attributes: Attributes = {
      "cicd.pipeline.task.name": stage,
      "cicd.pipeline.task.run.id": runId,
      "cicd.pipeline.task.run.result": result,
      ...(stage === "build" && { "cicd.pipeline.task.type": "build" }),
      ...(failure !== null && { "error.type": failure.kind }),
    };
    const span: SpanToSend = {
      ...{ ...plain, name: stage, parent: this.#attempt, place: this.#place, attributes },
      ...{ startedAt: this.#startedAt, endedAt: this.#clock.now(), problem: problemOf(result, failure) },
    };
    this.#exporter.send(span);
  }

  steps(service: string, steps: readonly BuildStep[]): void {
    for (const { number, name, cached, startedAt, completedAt, error } of steps) {
      if (completedAt === null && error === null) continue;
      const attributes = {
        "mergedock.service": service,
        "mergedock.step.number": number,
        "mergedock.step.cached": cached,
      };
      const span = { ...plain, name, parent: this.#place, startedAt, endedAt: completedAt ?? this.#clock.now() };
      this.#exporter.send({ ...span, attributes, problem: error });
    }
  }
}

function describe(build: Build, { publicUrl, urls }: BuildTracing): Attributes {
  const { id, repository, trigger, ref, sha, pullRequest, deliveryGuid, attempts } = build;
  const link = buildLink(publicUrl, id);
  const url = urls.get(repository.toLowerCase());
  return {
    "cicd.pipeline.name": repository,
    "cicd.pipeline.run.id": String(id),
    "cicd.pipeline.action.name": "BUILD",
    "mergedock.trigger": trigger,
    "mergedock.attempts": attempts,
    "vcs.owner.name": repository.split("/", 1).join(),
    "vcs.repository.name": repository,
    ...(link !== null && { "cicd.pipeline.run.url.full": link }),
    ...(url !== undefined && { "vcs.repository.url.full": url }),
    ...(ref !== null && { "vcs.ref.head.name": ref }),
    ...(sha !== null && { "vcs.ref.head.revision": sha }),
    ...(pullRequest !== null && { "vcs.change.id": String(pullRequest.number), "vcs.change.title": pullRequest.title }),
    ...(deliveryGuid !== null && { "mergedock.delivery.guid": deliveryGuid }),
  };
}

function resultAttributes(result: Result, failure: Failure | null): Attributes {
  return { "cicd.pipeline.result": result, ...(failure !== null && { "error.type": failure.kind }) };
}

function workedBy(worker: string, attempt: number): Attributes {
  return { "cicd.worker.id": worker, "mergedock.attempt": attempt };
}

/** Cancelling and skipping are no errors. */
function problemOf(result: Result, failure: Failure | null): string | null {
  return result === "success" || result === "skip" || result === "cancellation" ? null : (failure?.message ?? result);
}
