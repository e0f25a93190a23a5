// A proxy before the engine's socket that counts what is sent to the engine.

import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

export interface CountingProxy {
  /** `unix:///...`, as in DOCKER_HOST. */
  readonly host: string;
  /** Bytes since the last call. */
  sent(): number;
  stop(): Promise<void>;
}

/** `socketPath`: of the proxy itself. */
export async function startCountingProxy(engineSocket: string, socketPath: string): Promise<CountingProxy> {
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const engine = connect(engineSocket);
    for (const socket of [client, engine]) {
      sockets.add(socket);
      socket.on("error", () => undefined).once("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => {
      bytes += chunk.length;
    });
    client.pipe(engine).pipe(client);
  }).listen(socketPath);
  await once(server, "listening");
  return {
    host: `unix://${socketPath}`,
    sent() {
      const since = bytes;
      bytes = 0;
      return since;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
