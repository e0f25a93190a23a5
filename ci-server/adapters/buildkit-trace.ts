// Decodes the progress that BuildKit sends through the Docker engine: its steps, and its lines as `docker build` tells them.

import protobuf from "protobufjs";
import { type BuildStep, buildStepCharsMax } from "../core/build-step.ts";
import { cleanText } from "../core/clean-text.ts";
import type { LineOrigin, LogStream } from "../core/ports.ts";
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

/** Hears each line and step as it is read: a list of them would fill the memory where a build prints without end. */
export interface TraceListener {
  /** The lines of a step's stream share one origin; what BuildKit itself says of a step is of none. */
  onLine(text: string, origin: LineOrigin): void;
  /** It began or ended. */
  onStep(step: BuildStep): void;
}

/** `step`: null for one of BuildKit's own preparations. */
export interface TraceFailure {
  readonly name: string;
  readonly error: string;
  readonly step: BuildStep | null;
}

interface Output {
  readonly lines: LineBuffer;
  readonly origin: LineOrigin;
}

interface Running {
  step: BuildStep;
  readonly outputs: Readonly<Record<LogStream, Output>>;
}

/** Feed it each `moby.buildkit.trace`. The lines are `#2 [1/3] COPY . .`, `#2 some output`, `#2 DONE 0.3s`. */
export class BuildkitTrace {
  readonly #steps = new Map<string, Running>();
  readonly #failures = new Map<string, TraceFailure>();
  readonly #listener: TraceListener;
  #bytes = Buffer.alloc(0);

  constructor(listener: TraceListener) {
    this.#listener = listener;
  }

  /** `aux`: base64 of a StatusResponse. */
  read(aux: string): void {
    const message = schema.decode(this.#toBytes(aux));
    // The schema above gives exactly these fields.
    const status = schema.toObject(message, { longs: Number, bytes: Buffer, defaults: true, arrays: true }) as Status;
    for (const vertex of status.vertexes) this.#begin(vertex);
    for (const log of status.logs) this.#output(log);
    for (const vertex of status.vertexes) this.#end(vertex);
  }

  /** Tells what steps have printed without an end of the line, as a question to whoever would sit there. */
  end(): void {
    for (const running of this.#steps.values()) this.#tellRest(running);
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
  #begin(vertex: Vertex): void {
    if (!vertex.started || this.#steps.has(vertex.digest) || isPreparation(vertex.name)) return;
    const step: BuildStep = {
      number: this.#steps.size + 1,
      digest: vertex.digest,
      name: shorten(vertex.name),
      cached: vertex.cached,
      startedAt: toDate(vertex.started),
      completedAt: null,
      error: null,
    };
    const output = (stream: LogStream) => ({ lines: new LineBuffer(), origin: { step: step.number, stream } });
    this.#steps.set(vertex.digest, { step, outputs: { stdout: output("stdout"), stderr: output("stderr") } });
    this.#say(step, vertex.name);
    this.#listener.onStep(step);
  }

  #output({ vertex, stream, msg }: VertexLog): void {
    const running = this.#steps.get(vertex);
    if (running === undefined) return;
    const { lines, origin } = running.outputs[stream === 2 ? "stderr" : "stdout"];
    for (const line of lines.feed(msg)) this.#listener.onLine(`#${running.step.number} ${line}`, origin);
  }

  #end(vertex: Vertex): void {
    const running = this.#steps.get(vertex.digest);
    const { name, error } = vertex;
    if (error !== "") this.#failures.set(vertex.digest, { name, error, step: running?.step ?? null });
    if (running === undefined || running.step.completedAt !== null || !vertex.completed) return;
    const completedAt = toDate(vertex.completed);
    const step = { ...running.step, cached: vertex.cached, completedAt, error: error === "" ? null : shorten(error) };
    running.step = step;
    if (error !== "") this.#failures.set(vertex.digest, { name, error, step });
    this.#tellRest(running);
    this.#say(step, outcome(step, error));
    this.#listener.onStep(step);
  }

  #tellRest({ step, outputs }: Running): void {
    for (const { lines, origin } of [outputs.stdout, outputs.stderr]) {
      const line = lines.end();
      if (line !== null) this.#listener.onLine(`#${step.number} ${line}`, origin);
    }
  }

  #say({ number }: BuildStep, words: string): void {
    this.#listener.onLine(`#${number} ${words}`, { step: number });
  }
}

/** The second one is how the engine unpacks the context that it was sent. */
function isPreparation(name: string): boolean {
  return name.startsWith("[internal]") || name === "copy /context /";
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
