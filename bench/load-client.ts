// Sends ready-made requests over kept-alive sockets and times each answer, at as little cost of its own as it can:
// it shares the machine with what it measures.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

export interface Load {
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
  /** Answers by status. */
  readonly statuses: ReadonlyMap<number, number>;
}

/** `concurrency` sockets, on each one request after the other until all are answered. Throws when a socket breaks. */
export async function sendAll(port: number, requests: readonly Buffer[], concurrency: number): Promise<Load> {
  const sockets = await Promise.all(Array.from({ length: concurrency }, () => open(port)));
  const statuses = new Map<number, number>();
  const latenciesMs: number[] = [];
  let next = 0;
  const startedMs = performance.now();
  const lane = async (socket: Socket) => {
    for (let request = requests[next++]; request !== undefined; request = requests[next++]) {
      const sentMs = performance.now();
      const status = await exchange(socket, request);
      latenciesMs.push(performance.now() - sentMs);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(sockets.map(lane));
  const seconds = (performance.now() - startedMs) / 1000;
  for (const socket of sockets) socket.destroy();
  return { seconds, latenciesMs, statuses };
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** The status of the answer; it has to say its length. */
function exchange(socket: Socket, request: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const done = (settle: () => void) => {
      socket.off("data", read).off("error", fail).off("close", fail);
      settle();
    };
    const fail = (error: unknown) => done(() => reject(new Error("a socket broke", { cause: error })));
    const read = (chunk: Buffer) => {
      answer += chunk.toString("latin1");
      const head = answer.indexOf("\r\n\r\n");
      if (head < 0) return;
      const length = Number(/^content-length: *(\d+)/im.exec(answer.slice(0, head))?.[1] ?? 0);
      if (answer.length >= head + 4 + length) done(() => resolve(Number(answer.slice(9, 12))));
    };
    socket.on("data", read).on("error", fail).on("close", fail);
    socket.write(request);
  });
}
