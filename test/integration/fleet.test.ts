// Several receivers and workers on one PostgreSQL: each merge is built exactly once and in order, whoever dies, freezes or loses
// the database.

import { expect } from "chai";
import { sampleApp } from "../../lab/sample-app.ts";
import type { Files } from "../../lab/sample-commit.ts";
import type { Repository } from "../../lab/sample-repository.ts";
import { Fleet, type Machine } from "../helpers/fleet.ts";
import { useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { adminToken } from "../helpers/tester.ts";

interface BuildRow {
  readonly id: number;
  readonly result: string | null;
  readonly attempts: number;
}

/** A step that takes this long, and is never found in the cache. */
const slow = (seconds: number) => ({
  Dockerfile: `FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "echo ${Math.random()} && exec /bin/busybox sleep ${seconds}"]\n`,
});

describe("a fleet", function () {
  this.timeout(120_000);
  let fleet: Fleet;
  before(async () => {
    await useLab();
  });
  afterEach(() => fleet.stop());

  const first = () => fleet.repositories[0] as Repository; // one was made
  const worker = (number: number) => fleet.of("worker")[number - 1] as Machine; // as many were asked for

  async function deliver(files?: Files): Promise<number> {
    const [receiver] = fleet.of("receiver");
    const { payload } = await fleet.merge(first(), files);
    return (JSON.parse((await fleet.deliver(receiver as Machine, payload)).body) as { build: number }).build;
  }

  async function look(id: number): Promise<BuildRow | undefined> {
    return (await fleet.query<BuildRow>("select id::int, result, attempts from build where id = $1", [id]))[0];
  }

  async function inStage(id: number, stage: string): Promise<void> {
    await fleet.until(
      () => fleet.query<{ name: string }>("select name from build_stage where build_id = $1", [id]),
      (stages) => stages.some(({ name }) => name === stage),
      30_000,
    );
  }

  function ended(id: number, msMax: number): Promise<BuildRow | undefined> {
    return fleet.until(
      () => look(id),
      (row) => row !== undefined && row.result !== null,
      msMax,
    );
  }

  it("builds a dead worker's build elsewhere within 15 s", async () => {
    fleet = await Fleet.create({ machines: { receiver: 1, worker: 2 }, files: await sampleApp({ message: "first" }) });
    await Promise.all([fleet.of("receiver")[0]?.start(), worker(1).start()]);
    const id = await deliver(slow(4));
    await inStage(id, "build");
    await worker(2).start();
    await worker(1).kill();
    const killedMs = performance.now();
    await fleet.until(
      () => look(id),
      (row) => row?.attempts === 2,
      15_000,
    );
    console.log(`      begun elsewhere after ${Math.round(performance.now() - killedMs)} ms`);
    expect(await ended(id, 30_000)).to.deep.equal({ id, result: "success", attempts: 2 });
  });

  it("lets a worker that was frozen and wakes publish nothing of what another has taken over", async () => {
    fleet = await Fleet.create({ machines: { receiver: 1, worker: 2 } });
    const calls: string[] = [];
    let froze = Promise.withResolvers<void>();
    const watch: Lie = ({ method, path }) => {
      if (method === "PUT") calls.push(path);
      if (!path.includes("/push?")) return null;
      worker(1).freeze();
      froze.resolve();
      return null;
    };
    const proxies: LabProxy[] = [
      await proxyEngine(fleet.lab, fleet.folder, watch),
      await proxyRegistry(fleet.lab, fleet.folder, watch),
    ];
    try {
      await Promise.all([
        fleet.of("receiver")[0]?.start(),
        worker(1).start(Object.assign({}, ...proxies.map(({ env }) => env))),
      ]);
      const id = await deliver();
      await froze.promise;
      await worker(2).start();
      expect(await ended(id, 30_000)).to.deep.equal({ id, result: "success", attempts: 2 });
      worker(1).thaw();
      // It is done with the old build once it has taken a new one.
      await worker(2).stop();
      froze = Promise.withResolvers<void>();
      const next = await deliver();
      await froze.promise;
      worker(1).thaw();
      expect((await ended(next, 30_000))?.result).to.equal("success");
      const tagged = calls.map((path) => path.slice(path.lastIndexOf("/") + 1)).filter((tag) => tag.startsWith("pr-"));
      expect(tagged).to.deep.equal(["pr-2"]);
      expect(await look(id)).to.deep.equal({ id, result: "success", attempts: 2 });
    } finally {
      await Promise.all(proxies.map(({ proxy }) => proxy.stop()));
    }
  });

  it("F14: goes on by itself after the database was away for 30 s", async () => {
    fleet = await Fleet.create({ machines: { receiver: 1, worker: 1 }, files: await sampleApp({ message: "first" }) });
    await fleet.startAll();
    const receiver = fleet.of("receiver")[0] as Machine;
    const id = await deliver(slow(3600));
    await inStage(id, "build");
    const second = await fleet.merge(first(), { Dockerfile: "FROM scratch\nCOPY message.txt /\n" });
    await fleet.stopDatabase();
    const awayMs = performance.now();
    const statuses = new Set<string>();
    while (performance.now() - awayMs < 30_000) {
      const answer = await fleet.deliver(receiver, second.payload, "11111111-2222-3333-4444-555555555555");
      statuses.add(`${answer.status} ${answer.headers.get("retry-after")}`);
      const ready = await fetch(new URL("/readyz", receiver.apiUrl));
      const { checks } = (await ready.json()) as { checks: { database: { detail: string } } };
      expect([ready.status, checks.database.detail]).to.deep.equal([503, checks.database.detail]);
      expect(checks.database.detail).to.contain("the database cannot be used");
    }
    expect([...statuses]).to.deep.equal(["503 5"]);
    await fleet.startDatabase();
    const accepted = await fleet.until(
      () => fleet.deliver(receiver, second.payload, "11111111-2222-3333-4444-555555555555"),
      ({ status }) => status === 202,
      20_000,
    );
    await fleet.until(
      () => look(id),
      (row) => row?.attempts === 2,
      30_000,
    );
    const api = receiver.apiUrl;
    await fetch(`${api}/builds/${id}/cancel`, { method: "POST", headers: { authorization: `Bearer ${adminToken}` } });
    expect((await ended((JSON.parse(accepted.body) as { build: number }).build, 30_000))?.result).to.equal("success");
  });
});
