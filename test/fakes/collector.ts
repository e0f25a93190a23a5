// A fake OTLP collector: takes spans over HTTP as JSON and keeps them. It can be slow, refuse, or go away.
// Source: opentelemetry.io/docs/specs/otlp, OTLP/HTTP with the JSON encoding.

import { EventEmitter, on, once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty: it begins the trace. */
  readonly parentSpanId: string;
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Whether it says that it failed. */
  readonly isError: boolean;
  /** Of the process that has sent it. */
  readonly instance: unknown;
}

export interface FakeCollector {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** `silent`: it takes everything and never answers. */
  mood: "well" | "silent" | "refusing";
  /** Waits until it is asked once more. */
  next(): Promise<void>;
  /** Waits until `done` says so of the spans that have come. */
  until(done: (spans: readonly CollectedSpan[]) => boolean): Promise<void>;
  stop(): Promise<void>;
}

type Value = { readonly stringValue?: string; readonly intValue?: number | string; readonly boolValue?: boolean };
type Attributes = readonly { readonly key: string; readonly value: Value }[];
interface Batch {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: Attributes };
    readonly scopeSpans: readonly { readonly spans: readonly RawSpan[] }[];
  }[];
}
interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: Attributes;
  readonly status: { readonly code?: number };
}

const untilMsMax = 60_000;

export async function startFakeCollector(): Promise<FakeCollector> {
  const spans: CollectedSpan[] = [];
  const news = new EventEmitter();
  const state: { mood: FakeCollector["mood"] } = { mood: "well" };
  const server = createServer(async (request, response) => {
    const text = await readBody(request);
    news.emit("asked");
    if (state.mood === "silent") return;
    if (state.mood === "refusing" || request.url !== "/v1/traces") {
      response.writeHead(state.mood === "refusing" ? 503 : 404).end();
      return;
    }
    spans.push(...toSpans(JSON.parse(text)));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
    news.emit("spans");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  // A listening TCP server has an address with a port.
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    ...{ url: `http://127.0.0.1:${port}`, spans },
    async until(done: (all: readonly CollectedSpan[]) => boolean) {
      const signal = AbortSignal.timeout(untilMsMax);
      const coming = on(news, "spans", { signal });
      while (!done(spans)) {
        await coming.next().catch(() => {
          throw new Error(`not so: ${JSON.stringify(spans.map(({ name, spanId }) => `${name} ${spanId}`))}`);
        });
      }
      await coming.return?.();
    },
    async next() {
      await once(news, "asked", { signal: AbortSignal.timeout(untilMsMax) });
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

function toSpans({ resourceSpans }: Batch): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }) => {
    const instance = toRecord(resource.attributes)["service.instance.id"];
    return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...toSpan(span), instance })));
  });
}

function toSpan({ traceId, spanId, parentSpanId = "", name, ...rest }: RawSpan): Omit<CollectedSpan, "instance"> {
  const [startMs, endMs] = [rest.startTimeUnixNano, rest.endTimeUnixNano].map((nano) =>
    Number(BigInt(nano) / 1_000_000n),
  );
  return {
    ...{ traceId, spanId, parentSpanId, name, startMs: startMs ?? 0, endMs: endMs ?? 0 },
    ...{ attributes: toRecord(rest.attributes), isError: rest.status.code === 2 },
  };
}

function toRecord(attributes: Attributes): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text;
}
