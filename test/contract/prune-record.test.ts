// What core/ports/prune.ts promises of PruneRecord, on PostgreSQL.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createPruneRecord } from "../../ci-server/adapters/postgres/prune.ts";
import type { Image } from "../../ci-server/core/build.ts";
import type { PruneRecord } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";

const digest = `sha256:${"a".repeat(64)}`;
const image: Image = {
  ...{ service: "shop", reference: `localhost:5000/acme/shop@${digest}`, path: "acme/shop", digest, tags: ["latest"] },
  ...{
    bytes: 10,
    imageId: "sha256:id",
    key: "a key",
    reusedFrom: null,
    fixedTags: [],
    bases: [],
    destinations: [],
    attestations: [],
  },
};
const key = { repository: "acme/shop", path: "acme/shop", digest };

describe("the record of what can be pruned, on PostgreSQL", () => {
  let folder: string;
  let opened: OpenPostgres;
  let record: PruneRecord;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "prune-record-"));
    opened = await openPostgres(examplePostgres(folder));
    record = createPruneRecord(opened.pool);
  });
  afterEach(() =>
    opened.pool.query("truncate build, running_image restart identity cascade; truncate pgboss.job cascade"),
  );
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function begun(): Promise<number> {
    const { store } = opened;
    const asked = { repository: "acme/shop", trigger: "manual", sha: null, ref: "main", service: "shop" } as const;
    const id = await store.request({ ...asked, version: "1", pullRequest: null, deliveryGuid: null }, null);
    await store.begin(id);
    return id;
  }

  async function ended(change: Partial<Image> = {}): Promise<number> {
    const id = await begun();
    await opened.store.finish(
      { buildId: id, attempt: 1 },
      { result: "success", failure: null, images: [{ ...image, ...change }] },
    );
    return id;
  }

  async function removedAt(id: number): Promise<Date | null | undefined> {
    return (await opened.store.build(id))?.images[0]?.removedAt;
  }

  it("knows images, builds and the engine's ids", async () => {
    const id = await ended();
    const running = await begun();
    expect(await record.paths()).to.deep.equal(["acme/shop"]);
    const [found, ...others] = await record.images("acme/shop");
    expect(others).to.deep.equal([]);
    const { pushedAt, ...rest } = found ?? { pushedAt: null };
    expect(pushedAt).to.be.instanceOf(Date);
    expect(rest).to.deep.equal({
      ...{ buildId: id, repository: "acme/shop", ref: "main", service: "shop", path: "acme/shop", digest, bytes: 10 },
      ...{ imageId: "sha256:id", tags: ["latest"], fixedTags: [], isLeaving: false },
    });
    const builds = await record.builds([id, running, 999]);
    expect(builds.map((build) => [build.id, build.endedAt === null])).to.have.deep.members([
      [id, false],
      [running, true],
    ]);
    expect([...(await record.knownImageIds(["sha256:id", "sha256:other"]))]).to.deep.equal(["sha256:id"]);
  });

  it("takes an image out of the history before it goes, so that no build finds it any more", async () => {
    const ids = [await ended(), await ended()];
    expect(await record.beginRemoval(key, ids)).to.equal(true);
    for (const id of ids) expect(await removedAt(id)).to.be.instanceOf(Date);
    expect((await record.images("acme/shop")).map(({ isLeaving }) => isLeaving)).to.deep.equal([true, true]);
    await record.endRemoval(key);
    expect([await record.images("acme/shop"), await record.paths()]).to.deep.equal([[], []]);
    expect(await removedAt(ids[0] ?? 0)).to.be.instanceOf(Date);
  });

  it("leaves it while a build of the repository runs, which may have found it just now", async () => {
    const id = await ended();
    const running = await begun();
    expect([await record.isBuilding("Acme/Shop"), await record.isBuilding("acme/other")]).to.deep.equal([true, false]);
    expect(await record.beginRemoval(key, [id])).to.equal(false);
    expect(await removedAt(id)).to.equal(null);
    await opened.store.finish({ buildId: running, attempt: 1 }, { result: "success", failure: null, images: [] });
    expect(await record.beginRemoval(key, [id])).to.equal(true);
  });

  it("leaves one that a build has put into the history anew since it was judged", async () => {
    const id = await ended();
    const again = await ended();
    expect(await record.beginRemoval(key, [id])).to.equal(false);
    expect([await removedAt(id), await removedAt(again)]).to.deep.equal([null, null]);
  });

  it("gives back to the history what stays after all", async () => {
    const id = await ended();
    await record.beginRemoval(key, [id]);
    await record.undoRemoval(key);
    expect([await removedAt(id), (await record.images("acme/shop"))[0]?.isLeaving]).to.deep.equal([null, false]);
  });

  it("lets one process at a time prune what is shared", async () => {
    const inner = await record.alone(() => record.alone(async () => "both"));
    expect(inner).to.equal(null);
    expect(await record.alone(async () => "later")).to.equal("later");
    const failed = record.alone(() => Promise.reject(new Error("broken off")));
    expect(await failed.catch((error: Error) => error.message)).to.equal("broken off");
    expect(await record.alone(async () => "again")).to.equal("again");
  });

  it("remembers what each engine ran when it was last asked, for thirty days", async () => {
    const seen = (id: string, where: string) => ({ id, where });
    await record.reportRunning("a", [seen("sha256:1", "web"), seen("sha256:1", "web too"), seen("sha256:2", "db")]);
    await record.reportRunning("b", [seen("sha256:3", "node b")]);
    await record.reportRunning("a", [seen("sha256:1", "web")]);
    expect(await record.running()).to.have.deep.members([seen("sha256:1", "web"), seen("sha256:3", "node b")]);
    await opened.pool.query("update running_image set seen_at = now() - interval '31 days' where reporter = 'b'");
    expect(await record.running()).to.deep.equal([seen("sha256:1", "web")]);
  });

  it("removes the logs of builds that ended long ago, some with each call, oldest first", async () => {
    const sql = `insert into build (repository, trigger, result, finished_at, created_at)
      select 'acme/shop', 'manual', 'success', now() - make_interval(days => 100 + n), now() from generate_series(1, 150) n`;
    await opened.pool.query(sql);
    const young = await ended();
    await opened.store.build(young);
    const { logs, total } = await record.oldLogs(90, 10);
    expect([logs.length, total, logs[0]?.buildId]).to.deep.equal([10, 150, 150]);
    const rounds = [await record.removeOldLogs(90), await record.removeOldLogs(90), await record.removeOldLogs(90)];
    expect(rounds.map(({ length }) => length)).to.deep.equal([100, 50, 0]);
    expect((await opened.store.build(young))?.logRemovedAt).to.equal(null);
    expect((await opened.store.build(1))?.logRemovedAt).to.be.instanceOf(Date);
  });
});
