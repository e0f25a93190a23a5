// Decodes the progress that BuildKit sends through the Docker engine, and tells it line by line as `docker build` does.

import { StringDecoder } from "node:string_decoder";
import protobuf from "protobufjs";

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
    VertexLog: { fields: { vertex: { type: "string", id: 1 }, msg: { type: "bytes", id: 4 } } },
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
  readonly logs: readonly { readonly vertex: string; readonly msg: Uint8Array }[];
}

interface Step {
  readonly number: number;
  readonly decoder: StringDecoder;
  isDone: boolean;
  partial: string;
}

/** Feed it each `moby.buildkit.trace`; it gives the lines that this adds: `#2 [1/3] COPY . .`, `#2 some output`, `#2 DONE 0.3s`. */
export class BuildkitTrace {
  readonly #steps = new Map<string, Step>();

  /** `aux`: base64 of a StatusResponse. */
  lines(aux: string): string[] {
    const message = schema.decode(Buffer.from(aux, "base64"));
    // The schema above gives exactly these fields.
    const status = schema.toObject(message, { longs: Number, bytes: Buffer, defaults: true, arrays: true }) as Status;
    return [
      ...status.vertexes.flatMap((vertex) => this.#begin(vertex)),
      ...status.logs.flatMap((log) => this.#output(log.vertex, log.msg)),
      ...status.vertexes.flatMap((vertex) => this.#end(vertex)),
    ];
  }

  /** Steps are numbered as they start; BuildKit's own preparations are left out. */
  #begin(vertex: Vertex): string[] {
    if (!vertex.started || this.#steps.has(vertex.digest) || vertex.name.startsWith("[internal]")) return [];
    const step = { number: this.#steps.size + 1, decoder: new StringDecoder("utf8"), isDone: false, partial: "" };
    this.#steps.set(vertex.digest, step);
    return [`#${step.number} ${vertex.name}`];
  }

  #output(digest: string, bytes: Uint8Array): string[] {
    const step = this.#steps.get(digest);
    if (step === undefined) return [];
    const lines = (step.partial + step.decoder.write(Buffer.from(bytes))).split(/\r?\n/);
    step.partial = lines.pop() ?? "";
    return lines.map((line) => `#${step.number} ${line}`);
  }

  #end(vertex: Vertex): string[] {
    const step = this.#steps.get(vertex.digest);
    if (step === undefined || step.isDone || !vertex.completed) return [];
    step.isDone = true;
    const rest = step.partial === "" ? [] : [`#${step.number} ${step.partial}`];
    return [...rest, `#${step.number} ${outcome(vertex)}`];
  }
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
