// The engine's end of a build's session, asked by hand for what no engine would ask.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSession, type Session, type SessionOffer } from "../../ci-server/adapters/buildkit-session.ts";

export interface SessionAnswer {
  /** gRPC's status, as a number in text. */
  readonly status: string;
  /** The messages one after the other, without the five bytes before the first. */
  readonly message: Buffer;
}

export interface SessionEngine {
  readonly session: Session;
  /** With which the session was opened. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Sends these messages, and reads the answer to its end. */
  call(path: string, messages: readonly Uint8Array[], headers?: Record<string, string>): Promise<SessionAnswer>;
  close(): Promise<void>;
}

export async function openAsEngine(offer: SessionOffer): Promise<SessionEngine> {
  const folder = await mkdtemp(join(tmpdir(), "session-"));
  const listener = createServer().listen(join(folder, "socket"));
  await once(listener, "listening");
  const accepted: Promise<Socket[]> = once(listener, "connection");
  let headers: SessionEngine["headers"] = {};
  const opening = openSession(async (given) => {
    headers = given;
    return connect(join(folder, "socket"));
  }, offer);
  const [socket] = await accepted;
  const engine = connectHttp2("http://localhost", { createConnection: () => socket as Socket });
  const session = await opening;
  return {
    session,
    headers,
    async call(path, messages, more = {}) {
      const usual = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
      const stream = engine.request({ ...usual, ...more });
      const pieces: Buffer[] = [];
      let status = "";
      for (const event of ["response", "trailers"] as const)
        stream.on(event, (answer: Record<string, unknown>) => {
          status = String(answer["grpc-status"] ?? status);
        });
      stream.on("data", (piece: Buffer) => pieces.push(piece));
      stream.end(Buffer.concat(messages.map(toFrame)));
      await once(stream, "close");
      return { status, message: Buffer.concat(pieces).subarray(5) };
    },
    async close() {
      session.close();
      engine.destroy();
      await new Promise((resolve) => listener.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

/** Source: grpc, PROTOCOL-HTTP2.md, "Length-Prefixed-Message". */
function toFrame(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}
