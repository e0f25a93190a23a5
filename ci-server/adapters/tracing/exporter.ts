// Sends spans by OTLP over HTTP, in batches and apart from everything else: a collector that is slow or gone costs spans, and
// never time of a build. The packages are loaded here, and only when somebody wants traces.

import type { Attributes, SpanKind } from "@opentelemetry/api";
import type { SpanPlace } from "./span-ids.ts";

export interface ExporterOptions {
  /** Where spans go: the whole URL, with its path. */
  readonly url: string;
  /** Of this process. */
  readonly resource: Readonly<Record<string, string>>;
  /** Hears of each batch: how many spans were sent, or were not and why. */
  readonly report: (outcome: { readonly spans: number; readonly problem: string | null }) => void;
}

export interface SpanToSend {
  readonly name: string;
  readonly kind: "internal" | "server";
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** Null: it begins a trace. */
  readonly parent: SpanPlace | null;
  /** Its own; one is made where it is null. */
  readonly place: SpanPlace | null;
  readonly attributes: Attributes;
  /** Why it failed; null when it did not. */
  readonly problem: string | null;
}

export interface SpanExport {
  /** Never throws and never waits; beyond a number of spans that are not sent yet, new ones are dropped. */
  send(span: SpanToSend): void;
  /** Sends what is left, within a few seconds. */
  close(): Promise<void>;
}

const spansMax = 4_096;
const everyMs = 1_000;
const exportMsMax = 5_000;
const closeMsMax = 3_000;
const nameCharsMax = 200;
const valueCharsMax = 1_000;

export async function openExport({ url, resource, report }: ExporterOptions): Promise<SpanExport> {
  const [api, sdk, { OTLPTraceExporter }, { resourceFromAttributes }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace"),
    import("@opentelemetry/exporter-trace-otlp-http"),
    import("@opentelemetry/resources"),
  ]);
  const exporter = new OTLPTraceExporter({ url, timeoutMillis: exportMsMax, concurrencyLimit: 1 });
  const send = exporter.export.bind(exporter);
  exporter.export = (spans, done) =>
    send(spans, (result) => {
      report({ spans: spans.length, problem: result.code === 0 ? null : (result.error?.message ?? "it was refused") });
      done(result);
    });
  const ids: { next: SpanPlace | null } = { next: null };
  const random = new sdk.RandomIdGenerator();
  const provider = new sdk.TracerProvider({
    resource: resourceFromAttributes(resource),
    spanLimits: { attributeValueLengthLimit: valueCharsMax },
    // Ids are chosen where several processes have to agree on them.
    idGenerator: {
      generateTraceId: () => ids.next?.traceId ?? random.generateTraceId(),
      generateSpanId: () => ids.next?.spanId ?? random.generateSpanId(),
    },
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        ...{ exporter, maxQueueSize: spansMax, scheduledDelayMillis: everyMs, exportTimeoutMillis: exportMsMax },
      }),
    ],
  });
  const tracer = provider.getTracer("mergedock");
  const kinds: Readonly<Record<SpanToSend["kind"], SpanKind>> = {
    internal: api.SpanKind.INTERNAL,
    server: api.SpanKind.SERVER,
  };
  return {
    send({ name, kind, startedAt, endedAt, parent, place, attributes, problem }) {
      const context =
        parent === null
          ? api.ROOT_CONTEXT
          : api.trace.setSpanContext(api.ROOT_CONTEXT, {
              ...parent,
              traceFlags: api.TraceFlags.SAMPLED,
              isRemote: true,
            });
      ids.next = place;
      const started = { kind: kinds[kind], startTime: startedAt, attributes };
      const span = tracer.startSpan(name.slice(0, nameCharsMax), started, context);
      ids.next = null;
      if (problem !== null)
        span.setStatus({ code: api.SpanStatusCode.ERROR, message: problem.slice(0, valueCharsMax) });
      span.end(endedAt < startedAt ? startedAt : endedAt);
    },
    async close() {
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, closeMsMax);
      await Promise.race([provider.shutdown().catch(() => undefined), late]);
      clearTimeout(timer);
    },
  };
}
