// An engine whose builds print without end: it speaks the Docker engine's API and BuildKit's trace, and knows no limit of its own.

import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import protobuf from "protobufjs";

export interface FloodingEngine {
  /** As in DOCKER_HOST. */
  readonly host: string;
  stop(): Promise<void>;
}

export interface Flood {
  /** Printed again and again. */
  readonly piece: string;
  readonly times: number;
  /** Printed once, before the step fails with exit code 7. */
  readonly end: string;
}

/** Source: moby/buildkit api/services/control/control.proto. */
const schema = protobuf.Root.fromJSON({
  nested: {
    Timestamp: { fields: { seconds: { type: "int64", id: 1 } } },
    Vertex: {
      fields: {
        digest: { type: "string", id: 1 },
        name: { type: "string", id: 3 },
        started: { type: "Timestamp", id: 5 },
        completed: { type: "Timestamp", id: 6 },
        error: { type: "string", id: 7 },
      },
    },
    VertexLog: {
      fields: { vertex: { type: "string", id: 1 }, stream: { type: "int64", id: 3 }, msg: { type: "bytes", id: 4 } },
    },
    StatusResponse: {
      fields: {
        vertexes: { rule: "repeated", type: "Vertex", id: 1 },
        logs: { rule: "repeated", type: "VertexLog", id: 3 },
      },
    },
  },
}).lookupType("StatusResponse");

const about = { Version: "20.10.24", ApiVersion: "1.41", Os: "linux", Arch: "amd64" };

/** `flood`: asked for at each build. */
export async function startFloodingEngine(socketPath: string, flood: () => Flood): Promise<FloodingEngine> {
  const server = createServer((request, response) => {
    request.resume();
    const isBuild = request.url?.startsWith("/build?") ?? false;
    const isList = /^\/(?:images|containers)\/json/.test(request.url ?? "");
    if (!isBuild) return void response.end(JSON.stringify(isList ? [] : about));
    // The reader may go away.
    print(response, flood()).catch(() => response.destroy());
  });
  // It opens a session as every engine does, and asks nothing in it.
  const sessions = new Set<Duplex>();
  server.on("upgrade", (_request, socket) => {
    sessions.add(socket.on("error", () => socket.destroy()));
    socket.write("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
  });
  server.listen(socketPath);
  await once(server, "listening");
  return {
    host: `unix://${socketPath}`,
    async stop() {
      for (const socket of sessions) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** As fast as it is read. */
async function print(response: ServerResponse, { piece, times, end }: Flood): Promise<void> {
  const vertex = { digest: "sha256:1", name: "[1/1] RUN flood", started: { seconds: 1 } };
  const error = "executor failed running [/bin/sh -c flood]: exit code: 7";
  const write = async (line: string) => {
    if (!response.write(line)) await once(response, "drain");
  };
  await write(trace({ vertexes: [vertex] }));
  const again = trace({ logs: [log(piece)] });
  for (let turn = 0; turn < times; turn += 1) await write(again);
  await write(trace({ logs: [log(end)] }));
  await write(trace({ vertexes: [{ ...vertex, completed: { seconds: 2 }, error }] }));
  response.end(`${JSON.stringify({ errorDetail: { message: error }, error })}\n`);
}

function log(text: string): object {
  return { vertex: "sha256:1", stream: 1, msg: Buffer.from(text) };
}

/** A line of a build's answer: BuildKit's trace. */
export function trace(status: object): string {
  const aux = Buffer.from(schema.encode(schema.fromObject(status)).finish()).toString("base64");
  return `${JSON.stringify({ id: "moby.buildkit.trace", aux })}\n`;
}
