// A stream of events to somebody who does not read it.

import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { pino } from "pino";
import { createKoa, listen } from "../../ci-server/http/server.ts";
import { Viewers } from "../../ci-server/http/sse.ts";

const mib = 1024 * 1024;

describe("a stream of events", () => {
  it("is read no further than its viewer takes it, and ends when the viewer takes nothing for too long", async () => {
    const viewers = new Viewers({ viewersMax: 1, stallMsMax: 200, silenceMsMax: 60_000 });
    const left = Promise.withResolvers<void>();
    let bytes = 0;
    const app = createKoa({ log: pino({ level: "silent" }), listener: "api", observe: () => undefined });
    app.use((ctx) =>
      viewers.show(ctx, {
        isWelcome: async () => true,
        open: async (gone) => {
          gone.addEventListener("abort", () => left.resolve());
          // It has no end: whoever reads it for nobody reads for ever, and is told so here.
          return async () => {
            bytes += mib / 4;
            return gone.aborted || bytes > 500 * mib ? null : Buffer.alloc(mib / 4, "x");
          };
        },
      }),
    );
    const listener = await listen(app, { host: "127.0.0.1", port: 0, connectionsMax: 10 });
    const { hostname, port } = new URL(listener.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
    await left.promise;
    // The kernel takes some of it for the viewer.
    expect(bytes).to.be.below(64 * mib);
    socket.destroy();
    await listener.close();
  });
});
