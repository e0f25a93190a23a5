// What viewers may take: how many they are, how long they may be slow, and how long they may stay.

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { App } from "../../ci-server/app.ts";
import { type EventStream, openStream } from "../helpers/event-stream.ts";
import { LiveTester, logLines } from "../helpers/live-tester.ts";
import { adminToken } from "../helpers/tester.ts";

describe("viewers and their limits", function () {
  this.timeout(60_000);
  let ci: LiveTester;
  before(async () => {
    ci = await LiveTester.start();
  });
  after(() => ci?.stop());

  let app: App;
  const start = async (limits: Readonly<Record<string, number>>) => {
    app = await ci.receiver(limits);
  };
  afterEach(() => ci.close(app));

  it("says something now and then when nothing happens", async () => {
    await start({ viewer_silence_seconds_max: 1 });
    const at = await ci.begin();
    const stream = await ci.events(`/builds/${at.buildId}/events`, { app });
    const reading = stream.next("end");
    while (stream.comments < 2) await delay(20);
    await ci.finish(at);
    expect(await reading).to.include({ name: "end" });
  });

  it("takes no more viewers than it may, and another one when one has gone", async () => {
    await start({ viewers_max: 2 });
    const at = await ci.begin();
    const path = `/builds/${at.buildId}/events`;
    const first = await ci.events(path, { app });
    await ci.events("/events", { app });
    const refused = await ci.api(path, {}, app);
    expect(refused.status).to.equal(503);
    expect(refused.headers.get("retry-after")).to.match(/^\d+$/);
    expect(((await refused.json()) as { detail: string }).detail).to.contain("limits.viewers_max");
    first.close();
    await openedAtLast(() => ci.events(path, { app }));
  });

  it("lets its viewers go when the server stops", async () => {
    await start({});
    const at = await ci.begin();
    const stream = await ci.events(`/builds/${at.buildId}/events`, { app });
    await stream.next("build");
    const stopping = ci.close(app);
    expect(await stream.next()).to.equal(null);
    await stopping;
    await start({});
  });

  it("is shown to a session, and to nobody any more whose token was revoked", async () => {
    await start({ viewer_silence_seconds_max: 1 });
    const at = await ci.begin();
    const json = { "content-type": "application/json" };
    const post = (path: string, body: object) =>
      ci.api(path, { method: "POST", headers: json, body: JSON.stringify(body) }, app);
    const { token } = (await (await post("/tokens", { name: "looker", role: "read" })).json()) as { token: string };
    const cookie = (await post("/session", { token })).headers.get("set-cookie")?.split(";", 1)[0] ?? "";
    const url = `${app.apiUrl}/builds/${at.buildId}/events`;
    const streams = [
      await openStream({ url, headers: { cookie } }),
      await openStream({ url, headers: { authorization: `Bearer ${token}` } }),
    ];
    for (const stream of streams) expect(await stream.next("build")).not.to.equal(null);
    const following = await fetch(`${app.apiUrl}/builds/${at.buildId}/log?follow=true`, { headers: { cookie } });
    expect(following.status).to.equal(200);
    // Whoever uses this browser next does not find it there.
    expect(following.headers.get("cache-control")).to.equal("no-store");
    expect((await ci.api("/tokens/looker", { method: "DELETE" }, app)).status).to.equal(204);
    for (const stream of streams) expect(await stream.next("end")).to.equal(null);
    // The build goes on: nothing else ends it.
    await following.text();
  });

  it("sends a viewer away who takes nothing for too long, and goes on with it when it comes back", async () => {
    await start({ viewer_stall_seconds_max: 1, viewers_max: 1 });
    const at = await ci.begin();
    await ci.store.appendLog(at, logLines(1, 3_000, "x".repeat(4_000)));
    await ci.finish(at);
    const socket = await unread(app.apiUrl, at.buildId);
    const other = await openedAtLast(() => ci.events(`/builds/${at.buildId}/events`, { app }));
    other.close();
    const seqs = idsOf(await restOf(socket));
    expect(seqs.at(-1)).to.be.within(1, 2_999);
    const viewed = await openedAtLast(() =>
      ci.events(`/builds/${at.buildId}/events`, { app, lastId: `l${seqs.at(-1)}` }),
    );
    const [next] = JSON.parse((await viewed.next("log"))?.data ?? "") as { seq: number }[];
    expect(next?.seq).to.equal((seqs.at(-1) ?? 0) + 1);
    viewed.close();
  });

  it("forgets viewers who go before they are answered", async () => {
    await start({ viewers_max: 2 });
    const at = await ci.begin();
    for (let turn = 0; turn < 40; turn += 1) (await unread(app.apiUrl, at.buildId)).destroy();
    for (let turn = 0; turn < 2; turn += 1)
      await openedAtLast(() => ci.events(`/builds/${at.buildId}/events`, { app }));
  });
});

/** Once there is room. */
async function openedAtLast(open: () => Promise<EventStream>): Promise<EventStream> {
  for (;;) {
    const stream = await open().catch((error: Error) => error);
    if (!(stream instanceof Error)) return stream;
    if (!stream.message.includes("answered with 503")) throw stream;
    await delay(20);
  }
}

/** Of the events that have come whole. */
function idsOf(text: string): number[] {
  const events = text.split("\n\n").slice(0, -1);
  return events.flatMap((event) => /^id: l(\d+)$/m.exec(event)?.[1] ?? []).map(Number);
}

/** Asks for the stream and reads nothing of it. */
async function unread(apiUrl: string, buildId: number): Promise<Socket> {
  const { hostname, port, pathname } = new URL(`${apiUrl}/builds/${buildId}/events`);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.pause();
  socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${hostname}:${port}\r\nAuthorization: Bearer ${adminToken}\r\n\r\n`);
  return socket;
}

/** What comes until the server closes. */
async function restOf(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => {
    text += chunk.toString("latin1");
  });
  socket.on("error", () => undefined);
  socket.resume();
  await once(socket, "close");
  return text;
}
