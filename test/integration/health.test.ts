// Whether the server is ready: asked by machines, and by whoever reaches it.

import { expect } from "chai";
import { pino } from "pino";
import { healthRoutes } from "../../ci-server/http/health.ts";
import { createKoa, listen } from "../../ci-server/http/server.ts";

describe("GET /readyz", () => {
  it("looks once for all who ask at the same time, and again for who asks later", async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<string>();
    let looks = 0;
    let requests = 0;
    const app = createKoa({ log: pino({ level: "silent" }), listener: "api", observe: () => undefined });
    app.use((_ctx, next) => {
      requests += 1;
      if (requests === 20) asked.resolve();
      return next();
    });
    const engine = () => {
      looks += 1;
      return answer.promise;
    };
    app.use(healthRoutes({ engine }).routes());
    const listener = await listen(app, { host: "127.0.0.1", port: 0, connectionsMax: 50 });
    const ask = async () => (await fetch(`${listener.url}/readyz`)).json();
    const all = Array.from({ length: 20 }, ask);
    await asked.promise;
    answer.resolve("works");
    const answers = await Promise.all(all);
    const later = await ask();
    await listener.close();
    const ready = { ready: true, checks: { engine: { ok: true, detail: "works" } } };
    for (const one of [...answers, later]) expect(one).to.deep.equal(ready);
    expect(looks).to.equal(2);
  });
});
