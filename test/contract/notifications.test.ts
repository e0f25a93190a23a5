// What core/ports/notifications.ts promises of NotificationStore, on PostgreSQL.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createNotificationStore } from "../../ci-server/adapters/postgres/notifications.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { Result } from "../../ci-server/core/build.ts";
import { notificationsOf, occasions } from "../../ci-server/core/notification.ts";
import type { Notification, NotificationStore } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";

const rules = ["chat", "pager"].map((channel) => ({
  channel,
  type: "slack" as const,
  on: occasions,
  repositories: [],
}));
const toNotifications = notificationsOf.bind(null, rules);

describe("notifications on PostgreSQL", () => {
  let folder: string;
  let opened: OpenPostgres;
  let store: NotificationStore;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "notifications-"));
    opened = await openPostgres(examplePostgres(folder));
    store = createNotificationStore(opened.pool);
  });
  afterEach(() => opened.pool.query("truncate build restart identity cascade; truncate pgboss.job cascade"));
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function asked(ref = "main"): Promise<number> {
    const request = { repository: "acme/shop", trigger: "manual", sha: null, ref, service: "shop" } as const;
    return opened.store.request({ ...request, version: "1", pullRequest: null, deliveryGuid: null }, null);
  }

  async function ended(result: Result, ref = "main"): Promise<number> {
    const id = await asked(ref);
    await opened.store.begin(id);
    await opened.store.finish({ buildId: id, attempt: 1 }, { result, failure: null, images: [] });
    return id;
  }

  const make = (limit = 50) => store.make({ toNotifications, hoursMax: 24, limit });
  const age = (hours: number) =>
    opened.pool.query(
      `update notification set created_at = now() - make_interval(hours => ${hours}), ended_at = ended_at - make_interval(hours => ${hours})`,
    );

  async function claim(): Promise<Notification> {
    const claimed = await store.claim("chat", 60);
    if (claimed === null) throw new Error("nothing is due");
    return claimed;
  }

  it("are made of builds that have ended, each once, whoever makes them at the same time", async () => {
    const ids = [await ended("success"), await ended("failure"), await ended("skip")];
    await asked();
    const made = await Promise.all([make(2), make(2), make(2), make(2)]);
    expect(made.reduce((sum, count) => sum + count, 0)).to.equal(3);
    const entries = await store.list({ state: null, before: null, limit: 100 });
    expect(entries.map(({ channel, buildId }) => `${channel} ${buildId}`).sort()).to.deep.equal(
      ["chat", "pager"].flatMap((channel) => ids.map((id) => `${channel} ${id}`)),
    );
    expect(await make()).to.equal(0);
  });

  it("are made of a build that was cancelled before it began, and of an end that is stored and no other", async () => {
    const id = await asked();
    await opened.store.cancel(id, "cancelled by hand");
    const other = await asked();
    await opened.store.begin(other);
    await opened.store.begin(other);
    const late = { result: "success", failure: null, images: [] } as const;
    await opened.store.finish({ buildId: other, attempt: 1 }, late).catch(() => undefined);
    expect(await make()).to.equal(1);
    expect((await claim()).notice.build).to.include({ id, result: "cancellation" });
  });

  it("compare a build with the last one of its branch that had a result of its own", async () => {
    await ended("success");
    await ended("failure", "release/1");
    await ended("cancellation");
    await ended("skip");
    await ended("timeout");
    await ended("success");
    await make();
    const entries = await store.list({ state: null, before: null, limit: 100 });
    const said = entries.filter(({ channel }) => channel === "chat").map(({ notice }) => notice.occasion);
    expect(said.reverse()).to.deep.equal(["success", "failure", "cancellation", "skip", "broken", "fixed"]);
  });

  it("are told of no more when they are old", async () => {
    await ended("success");
    await opened.pool.query("update build_end set ended_at = now() - interval '25 hours'");
    expect(await make()).to.equal(1);
    expect(await store.list({ state: null, before: null, limit: 100 })).to.deep.equal([]);
  });

  it("are given to one at a time, oldest first, each channel its own", async () => {
    const [first, second] = [await ended("success"), await ended("success")];
    await make();
    const claimed = await Promise.all([claim(), claim()]);
    expect(claimed.map(({ notice }) => notice.build.id).sort()).to.deep.equal([first, second]);
    expect(await store.claim("chat", 60)).to.equal(null);
    expect(await store.nextDueMs("chat")).to.be.within(50_000, 60_000);
    expect(await store.nextDueMs("pager")).to.be.at.most(0);
    expect(await store.nextDueMs("nobody")).to.equal(null);
    expect((await store.claim("pager", 60))?.notice.build.id).to.equal(first);
  });

  it("are given to somebody else under the same id, when who had it has died", async () => {
    await ended("success");
    await make();
    const { id } = await claim();
    await opened.pool.query("update notification set due_at = now()");
    const again = await claim();
    expect(again).to.include({ id, attempts: 2 });
    await store.sent(id);
    await opened.pool.query("update notification set due_at = now()");
    expect(await store.claim("chat", 60)).to.equal(null);
    // Who was frozen and wakes does not undo it.
    await store.failed(id, "too late", 0);
    const [entry] = await store.list({ state: "sent", before: null, limit: 1 });
    expect(entry).to.include({ id, problem: null, dueAt: null }).and.have.property("endedAt").that.is.instanceOf(Date);
  });

  it("are tried again after a while, or never, and say why", async () => {
    await ended("success");
    await make();
    const { id } = await claim();
    await store.failed(id, "it answered 500", 7_000);
    expect(await store.nextDueMs("chat")).to.be.within(6_000, 7_000);
    const look = async (state: "pending" | "failed") =>
      (await store.list({ state, before: null, limit: 9 })).find((one) => one.id === id);
    expect(await look("pending")).to.include({ problem: "it answered 500", endedAt: null });
    await store.failed(id, "it answered 410", null);
    expect(await store.nextDueMs("chat")).to.equal(null);
    expect(await look("failed")).to.include({ problem: "it answered 410", dueAt: null });
  });

  it("are given up and forgotten for their age, page by page", async () => {
    await ended("success");
    await make();
    expect([await store.giveUp(24), await store.forget(1)]).to.deep.equal([0, 0]);
    await age(25);
    expect(await store.giveUp(24)).to.equal(2);
    const [newest, ...none] = await store.list({ state: "failed", before: null, limit: 1 });
    expect(none).to.deep.equal([]);
    const [oldest] = await store.list({ state: "failed", before: newest?.place ?? null, limit: 1 });
    expect([newest?.channel, oldest?.channel].sort()).to.deep.equal(["chat", "pager"]);
    expect(oldest?.problem).to.include("is its channel still configured?");
    expect(await store.forget(1)).to.equal(0);
    await age(25);
    expect(await store.forget(1)).to.equal(2);
  });
});
