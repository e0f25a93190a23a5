// A TCP proxy that cuts some answers off in their middle, as a network does.

import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface CuttingProxy {
  readonly url: string;
  /** How many answers were cut off. */
  readonly cuts: number;
  stop(): Promise<void>;
}

/** Each of the first `cutsMax` answers to a request for a log ends after so many bytes. */
export async function startCuttingProxy(target: string, cutsMax: number, bytes: number): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let cuts = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let isLog = false;
    let left = bytes;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    client.on("data", (chunk: Buffer) => {
      isLog = chunk.toString("latin1").includes("/log?");
      left = bytes;
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      const isCut = isLog && cuts < cutsMax && chunk.length >= left;
      client.write(isCut ? chunk.subarray(0, left) : chunk, () => isCut && client.destroy());
      left -= chunk.length;
      if (isCut) cuts += 1;
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server's address is an object
    get cuts() {
      return cuts;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
