// Decodes the progress that BuildKit sends through the Docker engine, and tells it line by line as `docker build` does.

import protobuf from "protobufjs";
import type { LineOrigin } from "../core/ports.ts";
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

interface Status {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly VertexLog[];
}

interface VertexLog {
  readonly vertex: string;
  /** 1 or 2, as a process counts its own. */
  readonly stream: number;
  readonly msg: Uint8Array;
}

interface Step {
  readonly number: number;
  readonly name: string;
  readonly origin: LineOrigin;
  readonly stdout: Output;
  readonly stderr: Output;
  isDone: boolean;
  error: string;
}

/** What a step prints on one of its streams. Its lines share their origin: there may be very many. */
interface Output {
  readonly lines: LineBuffer;
  readonly origin: LineOrigin;
}

export interface TraceLine {
  readonly text: string;
  readonly origin: LineOrigin;
}

/** Feed it each `moby.buildkit.trace`; it gives the lines that this adds: `#2 [1/3] COPY . .`, `#2 some output`, `#2 DONE 0.3s`. */
export class BuildkitTrace {
  readonly #steps = new Map<string, Step>();
  #bytes = Buffer.alloc(0);

  /** `aux`: base64 of a StatusResponse. */
  lines(aux: string): TraceLine[] {
    const message = schema.decode(this.#toBytes(aux));
    // The schema above gives exactly these fields.
    const status = schema.toObject(message, { longs: Number, bytes: Buffer, defaults: true, arrays: true }) as Status;
    return [
      ...status.vertexes.flatMap((vertex) => this.#begin(vertex)),
      ...status.logs.flatMap((log) => this.#output(log)),
      ...status.vertexes.flatMap((vertex) => this.#end(vertex)),
    ];
  }

  /** What steps have printed without a line end when the build has ended, however it did. */
  end(): TraceLine[] {
    return [...this.#steps.values()].flatMap(rest);
  }

  /** The step that ended the build with this message; null when none of them did. */
  failed(message: string): { readonly number: number; readonly name: string } | null {
    const steps = [...this.#steps.values()];
    // An engine may report the end of a build before that of its step: then the command in its message tells which it was.
    const command = /(?:executor failed running \[|process ")(.*)(?:\]|"[^"]*): exit code: \d+/s.exec(message)?.[1];
    const failed =
      steps.find(({ error }) => error !== "" && message.includes(error)) ??
      steps.findLast(({ name }) => command !== undefined && endsWith(command, name));
    return failed === undefined ? null : { number: failed.number, name: failed.name };
  }

  /** The step that was begun last of those that have not ended. */
  running(): { readonly number: number; readonly name: string } | null {
    const step = [...this.#steps.values()].findLast(({ isDone }) => !isDone);
    return step === undefined ? null : { number: step.number, name: step.name };
  }

  /** Until the next message. One buffer for all of them: those of a build that prints without end would fill the memory before they are collected. */
  #toBytes(base64: string): Uint8Array {
    if (this.#bytes.length < base64.length) this.#bytes = Buffer.allocUnsafe(2 * base64.length);
    return this.#bytes.subarray(0, this.#bytes.write(base64, "base64"));
  }

  /** Steps are numbered as they start; BuildKit's own preparations are left out. */
  #begin(vertex: Vertex): TraceLine[] {
    if (!vertex.started || this.#steps.has(vertex.digest) || vertex.name.startsWith("[internal]")) return [];
    const step = newStep(this.#steps.size + 1, vertex.name);
    this.#steps.set(vertex.digest, step);
    return [said(step, vertex.name)];
  }

  #output({ vertex, stream, msg }: VertexLog): TraceLine[] {
    const step = this.#steps.get(vertex);
    if (step === undefined) return [];
    const { lines, origin } = stream === 2 ? step.stderr : step.stdout;
    return lines.feed(msg).map((line) => said(step, line, origin));
  }

  #end(vertex: Vertex): TraceLine[] {
    const step = this.#steps.get(vertex.digest);
    if (step === undefined || step.isDone || !vertex.completed) return [];
    step.isDone = true;
    step.error = vertex.error;
    return [...rest(step), said(step, outcome(vertex))];
  }
}

function newStep(number: number, name: string): Step {
  const output = (stream: "stdout" | "stderr") => ({ lines: new LineBuffer(), origin: { step: number, stream } });
  const streams = { stdout: output("stdout"), stderr: output("stderr") };
  return { number, name, origin: { step: number }, ...streams, isDone: false, error: "" };
}

/** What the step has printed without a line end. */
function rest(step: Step): TraceLine[] {
  return [step.stdout, step.stderr].flatMap(({ lines, origin }) => {
    const line = lines.end();
    return line === null ? [] : [said(step, line, origin)];
  });
}

function said({ number, origin: ofStep }: Step, text: string, origin = ofStep): TraceLine {
  return { text: `#${number} ${text}`, origin };
}

function outcome(vertex: Vertex): string {
  if (vertex.error !== "") return `ERROR ${vertex.error}`;
  if (vertex.cached) return "CACHED";
  const seconds = toSeconds(vertex.completed) - toSeconds(vertex.started);
  return `DONE ${seconds.toFixed(1)}s`;
}

function toSeconds(time: Timestamp | undefined): number {
  return time === undefined ? 0 : time.seconds + time.nanos / 1e9;
}

/** `name`: `[2/3] RUN npm ci`; `command`: `/bin/sh -c npm ci`, or the words of a list. */
function endsWith(command: string, name: string): boolean {
  const words = name
    .replace(/^\[[^\]]*\] RUN /, "")
    .replace(/[[\]",\s]+/g, " ")
    .trim();
  return (
    words !== "" &&
    command
      .replace(/[[\]",\s]+/g, " ")
      .trim()
      .endsWith(words)
  );
}
