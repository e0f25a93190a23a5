// Decodes the progress that BuildKit sends through the Docker engine: its steps, and its lines as `docker build` tells them.

import protobuf from "protobufjs";
import { type BuildStep, buildStepCharsMax } from "../core/build-step.ts";
import { cleanText } from "../core/clean-text.ts";
import type { LogStream } from "../core/ports.ts";
import { LineBuffer } from "./line-buffer.ts";

/** Source: moby/buildkit api/services/control/control.proto; only the fields that are read here. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Timestamp: { fields: { seconds: { type: "int64", id: 1 }, nanos: { type: "int32", id: 2 } } },
    Vertex: {
      fields: {
        digest: { type: "string", id: 1 },
        name: { type: "string", id: 3 },
        cached: { type: "bool", id: 4 },
        started: { type: "Timestamp", id: 5 },
        completed: { type: "Timestamp", id: 6 },
        error: { type: "string", id: 7 },
      },
    },
    VertexLog: {
      fields: {
        vertex: { type: "string", id: 1 },
        stream: { type: "int64", id: 3 },
        msg: { type: "bytes", id: 4 },
      },
    },
    StatusResponse: {
      fields: {
        vertexes: { rule: "repeated", type: "Vertex", id: 1 },
        logs: { rule: "repeated", type: "VertexLog", id: 3 },
      },
    },
  },
}).lookupType("StatusResponse");

interface Timestamp {
  readonly seconds: number;
  readonly nanos: number;
}

interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  readonly started?: Timestamp;
  readonly completed?: Timestamp;
  readonly error: string;
}

interface VertexLog {
  readonly vertex: string;
  /** As a process numbers them. */
  readonly stream: number;
  readonly msg: Uint8Array;
}

interface Status {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly VertexLog[];
}

/** `stream`: null for what BuildKit itself says of the step. */
export interface TraceLine {
  readonly text: string;
  readonly step: number;
  readonly stream: LogStream | null;
}

export interface TraceUpdate {
  readonly lines: readonly TraceLine[];
  /** Those that began or ended. */
  readonly steps: readonly BuildStep[];
}

/** `step`: null for one of BuildKit's own preparations. */
export interface TraceFailure {
  readonly name: string;
  readonly error: string;
  readonly step: BuildStep | null;
}

interface Running {
  step: BuildStep;
  readonly outputs: Readonly<Record<LogStream, LineBuffer>>;
}

/** Feed it each `moby.buildkit.trace`. The lines are `#2 [1/3] COPY . .`, `#2 some output`, `#2 DONE 0.3s`. */
export class BuildkitTrace {
  readonly #steps = new Map<string, Running>();
  readonly #failures = new Map<string, TraceFailure>();
  #bytes = Buffer.alloc(0);

  /** `aux`: base64 of a StatusResponse. */
  read(aux: string): TraceUpdate {
    const message = schema.decode(this.#toBytes(aux));
    // The schema above gives exactly these fields.
    const status = schema.toObject(message, { longs: Number, bytes: Buffer, defaults: true, arrays: true }) as Status;
    const begun = status.vertexes.map((vertex) => this.#begin(vertex));
    const lines = status.logs.flatMap((log) => this.#output(log));
    const ended = status.vertexes.map((vertex) => this.#end(vertex));
    const updates = [...begun, { lines, steps: [] }, ...ended];
    return { lines: updates.flatMap((update) => update.lines), steps: updates.flatMap((update) => update.steps) };
  }

  /** What steps have printed without an end of the line, as a question to whoever would sit there. */
  rest(): TraceLine[] {
    return [...this.#steps.values()].flatMap(restOf);
  }

  /** In the order in which they were told. */
  get failures(): readonly TraceFailure[] {
    return [...this.#failures.values()];
  }

  /** The step that was begun last of those that have not ended. */
  get running(): BuildStep | null {
    return [...this.#steps.values()].findLast(({ step }) => step.completedAt === null)?.step ?? null;
  }

  /** Until the next message. One buffer for all of them: those of a build that prints without end would fill the memory before they are collected. */
  #toBytes(base64: string): Uint8Array {
    if (this.#bytes.length < base64.length) this.#bytes = Buffer.allocUnsafe(2 * base64.length);
    return this.#bytes.subarray(0, this.#bytes.write(base64, "base64"));
  }

  /** Steps are numbered as they start; BuildKit's own preparations are left out. */
  #begin(vertex: Vertex): TraceUpdate {
    if (!vertex.started || this.#steps.has(vertex.digest) || isPreparation(vertex.name)) return nothing;
    const step: BuildStep = {
      number: this.#steps.size + 1,
      digest: vertex.digest,
      name: shorten(vertex.name),
      cached: vertex.cached,
      startedAt: toDate(vertex.started),
      completedAt: null,
      error: null,
    };
    this.#steps.set(vertex.digest, { step, outputs: { stdout: new LineBuffer(), stderr: new LineBuffer() } });
    return { lines: [said(step, vertex.name)], steps: [step] };
  }

  #output({ vertex, stream, msg }: VertexLog): TraceLine[] {
    const running = this.#steps.get(vertex);
    if (running === undefined) return [];
    const name = stream === 2 ? "stderr" : "stdout";
    return running.outputs[name].feed(msg).map((line) => printed(running.step, name, line));
  }

  #end(vertex: Vertex): TraceUpdate {
    const running = this.#steps.get(vertex.digest);
    const { name, error } = vertex;
    if (error !== "") this.#failures.set(vertex.digest, { name, error, step: running?.step ?? null });
    if (running === undefined || running.step.completedAt !== null || !vertex.completed) return nothing;
    const completedAt = toDate(vertex.completed);
    const step = { ...running.step, cached: vertex.cached, completedAt, error: error === "" ? null : shorten(error) };
    running.step = step;
    if (error !== "") this.#failures.set(vertex.digest, { name, error, step });
    return { lines: [...restOf(running), said(step, outcome(step, error))], steps: [step] };
  }
}

const nothing: TraceUpdate = { lines: [], steps: [] };

/** The second one is how the engine unpacks the context that it was sent. */
function isPreparation(name: string): boolean {
  return name.startsWith("[internal]") || name === "copy /context /";
}

function restOf({ step, outputs }: Running): TraceLine[] {
  return (["stdout", "stderr"] as const).flatMap((name) => {
    const line = outputs[name].end();
    return line === null ? [] : [printed(step, name, line)];
  });
}

function printed({ number }: BuildStep, stream: LogStream, line: string): TraceLine {
  return { text: `#${number} ${line}`, step: number, stream };
}

function said({ number }: BuildStep, words: string): TraceLine {
  return { text: `#${number} ${words}`, step: number, stream: null };
}

function outcome({ cached, startedAt, completedAt }: BuildStep, error: string): string {
  if (error !== "") return `ERROR ${error}`;
  if (cached) return "CACHED";
  return `DONE ${(((completedAt ?? startedAt).getTime() - startedAt.getTime()) / 1000).toFixed(1)}s`;
}

function shorten(text: string): string {
  return cleanText(text.slice(0, buildStepCharsMax));
}

function toDate({ seconds, nanos }: Timestamp): Date {
  return new Date(seconds * 1000 + nanos / 1e6);
}
