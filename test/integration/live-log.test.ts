// A build's log for those who look on: each line once for each of them, whenever they come, however often they break off, and
// whether or not they read.

import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import fc from "fast-check";
import { systemClock } from "../../ci-server/adapters/clock.ts";
import type { AttemptKey } from "../../ci-server/core/build.ts";
import { LiveLogs } from "../../ci-server/flows/live-logs.ts";
import { LiveTester, logLines } from "../helpers/live-tester.ts";
import { type Viewed, viewLog } from "../helpers/log-viewer.ts";

const upTo = (count: number) => Array.from({ length: count }, (_none, index) => index + 1);

describe("a log that is looked at", function () {
  this.timeout(60_000);
  let ci: LiveTester;
  before(async () => {
    ci = await LiveTester.start();
  });
  after(() => ci?.stop());

  function view(buildId: number, breaks: readonly number[] = [], query = ""): Promise<Viewed> {
    return viewLog(
      (lastId) => ci.events(`/builds/${buildId}/events${query}`, lastId === undefined ? {} : { lastId }),
      breaks,
    );
  }

  /** One after the other; returns how many lines they are. */
  async function write(at: AttemptKey, sizes: readonly number[], first = 1): Promise<number> {
    let seq = first;
    for (const size of sizes) {
      await ci.store.appendLog(at, logLines(seq, size));
      seq += size;
    }
    return seq - 1;
  }

  it("has each line once for viewers who come before, during and after the build, and who break off anywhere", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 130 }), { minLength: 1, maxLength: 12 });
    const breaks = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 4 });
    const viewers = fc.array(breaks, { minLength: 3, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, viewers, async (one, two, all) => {
        const at = await ci.begin();
        const before = all.map((each) => view(at.buildId, each));
        const half = await write(at, one);
        const during = all.map((each) => view(at.buildId, each));
        const count = await write(at, two, half + 1);
        await ci.finish(at);
        const after = all.map((each) => view(at.buildId, each));
        for (const viewed of await Promise.all([...before, ...during, ...after]))
          expect(viewed).to.deep.include({ seqs: upTo(count), result: "success" });
      }),
      { numRuns: 12 },
    );
  });

  it("is the same for 200 viewers, and is read once for all of them", async () => {
    const at = await ci.begin();
    let reads = 0;
    const readLog: typeof ci.store.readLog = (...asked) => {
      reads += 1;
      return ci.store.readLog(...asked);
    };
    const gone = new AbortController();
    const show = async () => "{}";
    const parts = { store: { ...ci.store, readLog }, clock: systemClock, show };
    const logs = new LiveLogs({ ...parts, encode: (events) => Buffer.from(JSON.stringify(events)) });
    const readers = Array.from({ length: 200 }, async () => {
      const next = await logs.of(at.buildId, gone.signal).from(0);
      for (let bytes = await next(gone.signal); bytes !== null; ) bytes = await next(gone.signal);
    });
    const streams = Array.from({ length: 200 }, () => view(at.buildId));
    const count = await write(at, upTo(20));
    await ci.finish(at);
    const all = await Promise.all(streams);
    await Promise.all(readers);
    gone.abort();
    expect(all.every(({ result }) => result === "success")).to.equal(true);
    for (const { texts } of all) expect(texts).to.deep.equal(all[0]?.texts);
    expect(all[0]?.seqs).to.deep.equal(upTo(count));
    // Each of the 20 chunks wakes the one reader, and so do its own notices of the time; 200 readers would read 4,000 times.
    expect(reads).to.be.below(100);
  });

  it("goes on after Last-Event-ID, after ?after=, and after Last-Event-ID where both are there", async () => {
    const at = await ci.begin();
    await write(at, [50, 50]);
    await ci.finish(at);
    expect((await view(at.buildId, [], "?after=97")).seqs).to.deep.equal([98, 99, 100]);
    const stream = await ci.events(`/builds/${at.buildId}/events?after=3`, { lastId: "l99" });
    expect(JSON.parse((await stream.next("log"))?.data ?? "").map(({ seq }: { seq: number }) => seq)).to.deep.equal([
      100,
    ]);
    expect(await stream.next("end")).to.include({ id: "l100" });
    expect(await stream.next()).to.equal(null);
  });

  it("has at most 200 lines and 256 KiB in an event, whose id is the last one's, as the JSON log gives them", async () => {
    const at = await ci.begin();
    const count = await write(at, [50, 500, 7]);
    await ci.store.appendLog(at, logLines(count + 1, 100, "x".repeat(16_000)));
    await ci.finish(at);
    const stream = await ci.events(`/builds/${at.buildId}/events`);
    const lines: unknown[] = [];
    for await (const { id, name, data } of stream) {
      if (name !== "log") continue;
      const some = JSON.parse(data) as { seq: number }[];
      expect(some.length).to.be.within(1, 200);
      expect(data.length).to.be.below(257 * 1024);
      expect(id).to.equal(`l${some.at(-1)?.seq}`);
      lines.push(...some);
    }
    const text = await (await ci.api(`/builds/${at.buildId}/log?format=json`)).text();
    expect(lines.map((one) => JSON.stringify(one)).join("\n")).to.equal(text.trim());
  });

  it("shows the build as it is, and again whenever it has changed, and ends with its result", async () => {
    const id = await ci.request();
    const stream = await ci.events(`/builds/${id}/events`);
    const next = async () => JSON.parse((await stream.next("build"))?.data ?? "null");
    expect(await next())
      .to.include({ id, stage: "queued", result: null })
      .and.not.to.have.property("changedFiles");
    await ci.store.begin(id);
    const at = { buildId: id, attempt: 1 };
    await ci.store.stageStarted(at, "fetch");
    for (let build = await next(); build.stage !== "fetch"; build = await next()) expect(build.result).to.equal(null);
    await ci.finish(at, "failure");
    for (let build = await next(); build.result === null; ) build = await next();
    const page = await (await ci.api(`/builds/${id}`)).json();
    const again = await ci.events(`/builds/${id}/events`);
    const { changedFiles: _files, ...shown } = page as { changedFiles: unknown };
    // Whoever comes while others look on may be shown what they saw before.
    let last: unknown = null;
    for (let event = await again.next(); event !== null && event.name !== "end"; event = await again.next())
      if (event.name === "build") last = JSON.parse(event.data);
    expect(last).to.deep.equal(shown);
    expect(JSON.parse((await stream.next("end"))?.data ?? "")).to.deep.equal({ result: "failure" });
    for (const each of [stream, again]) expect(await each.next()).to.equal(null);
  });

  it("ends at once where the log was removed for its age, and the build says so", async () => {
    const at = await ci.begin();
    await write(at, [10]);
    await ci.finish(at);
    await ci.opened.pool.query("delete from log_chunk where build_id = $1", [at.buildId]);
    await ci.opened.pool.query("update build set log_removed_at = now() where id = $1", [at.buildId]);
    const stream = await ci.events(`/builds/${at.buildId}/events`, { lastId: "l10" });
    expect(JSON.parse((await stream.next())?.data ?? "").logRemovedAt).to.be.a("string");
    expect(await stream.next()).to.include({ name: "end" });
    expect(await stream.next()).to.equal(null);
  });

  it("is a stream that no cache and no proxy keeps, and nothing of it without a token, a build or a place in the log", async () => {
    const at = await ci.begin();
    const path = `/builds/${at.buildId}/events`;
    const stream = await ci.events(path);
    expect(Object.fromEntries(stream.response.headers)).to.include({
      ...{ "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
    });
    stream.close();
    const statusOf = async (url: string, headers: Record<string, string> = {}) =>
      (await ci.api(url, { headers })).status;
    expect(await statusOf(path, { authorization: "Bearer nothing" })).to.equal(401);
    expect(await statusOf("/builds/999999/events")).to.equal(404);
    expect(await statusOf(path, { "last-event-id": "5" })).to.equal(400);
    expect(await statusOf(path, { "last-event-id": "l5" })).to.equal(400);
    expect(await statusOf(`${path}?after=-1`)).to.equal(400);
    const head = await ci.api(path, { method: "HEAD" });
    expect([head.status, await head.text()]).to.deep.equal([200, ""]);
  });

  it("goes on when the database's connections are lost", async () => {
    const at = await ci.begin();
    const stream = await ci.events(`/builds/${at.buildId}/events`);
    await stream.next("build");
    await write(at, [30]);
    await ci.opened.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()",
    );
    // The worker's own connections are lost too.
    const count = await untilDone(() => write(at, [30], 31));
    await untilDone(() => ci.finish(at));
    const viewed = await viewLog(() => Promise.resolve(stream));
    expect(viewed).to.deep.include({ seqs: upTo(count), connections: 1 });
  });
});

async function untilDone<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch {
      await delay(20);
    }
  }
}
