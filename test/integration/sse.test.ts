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

  it("costs nothing once its viewer has gone, also where that was before it was opened", async () => {
    const viewers = new Viewers({ viewersMax: 2, stallMsMax: 60_000, silenceMsMax: 10 });
    const opening = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    let asked = 0;
    const app = createKoa({ log: pino({ level: "silent" }), listener: "api", observe: () => undefined });
    const isWelcome = async () => true;
    const waiting = (gone: AbortSignal) =>
      new Promise<null>((resolve) => gone.addEventListener("abort", () => resolve(null)));
    app.use((ctx) =>
      ctx.path === "/stays"
        ? viewers.show(ctx, { isWelcome, open: async (gone) => () => waiting(gone) })
        : viewers.show(ctx, {
            isWelcome: async () => ++asked > 0,
            open: async (gone) => {
              opening.resolve();
              await waiting(gone);
              left.resolve();
              return async () => null;
            },
          }),
    );
    const listener = await listen(app, { host: "127.0.0.1", port: 0, connectionsMax: 10 });
    const leaving = new AbortController();
    const goes = fetch(`${listener.url}/goes`, { signal: leaving.signal }).catch(() => undefined);
    await opening.promise;
    leaving.abort();
    await Promise.all([goes, left.promise]);
    // The other one is asked as often: after its third comment the first had its turn too.
    let text = "";
    for await (const chunk of (await fetch(`${listener.url}/stays`)).body ?? []) {
      text += Buffer.from(chunk).toString("utf8");
      if (text.split(":\n\n").length > 4) break;
    }
    await viewers.close();
    await listener.close();
    expect(asked).to.equal(0);
  });
});
