// What core/ports/reports.ts promises of ReportStore, on PostgreSQL.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createReportStore } from "../../ci-server/adapters/postgres/reports.ts";
import type { ReportLine, ReportStore } from "../../ci-server/core/ports.ts";
import type { ReportKind } from "../../ci-server/core/report/report.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { fails } from "../helpers/failure.ts";

const sha = "a".repeat(40);
const trouble = { problem: "the forge said 502", retryMs: 0, pauseMs: 0, isRefused: false };

describe("reports on PostgreSQL", () => {
  let folder: string;
  let opened: OpenPostgres;
  let store: ReportStore;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "reports-"));
    opened = await openPostgres(examplePostgres(folder));
    store = createReportStore(opened.pool);
  });
  afterEach(() =>
    opened.pool.query("truncate build, report_line restart identity cascade; truncate pgboss.job cascade"),
  );
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const asked = (repository = "acme/shop") =>
    opened.store.request(
      {
        ...{ repository, trigger: "manual", sha, ref: "main", service: null, version: null },
        ...{ pullRequest: null, deliveryGuid: null },
      },
      null,
    );
  async function ended(repository?: string): Promise<number> {
    const id = await asked(repository);
    await opened.store.begin(id);
    await opened.store.finish({ buildId: id, attempt: 1 }, { result: "success", failure: null, images: [] });
    return id;
  }
  const takeUp = (kinds: readonly ReportKind[] = ["status"], limit = 100) =>
    store.takeUp({ kindsOf: () => kinds, hoursMax: 24, limit });
  async function claim(seconds = 60): Promise<ReportLine> {
    const line = await store.claim(seconds);
    if (line === null) throw new Error("nothing is due");
    return line;
  }
  async function next(line: ReportLine) {
    const due = await store.next(line, 60);
    if (due === null) throw new Error("nothing of the line is due");
    return due;
  }
  const states = async () => (await store.list({ state: null, before: null, limit: 100 })).map(({ state }) => state);

  it("are made of each build once, whoever takes it up at the same time", async () => {
    const ids = [await asked(), await asked(), await ended()];
    const taken = await Promise.all([takeUp(), takeUp(["status"], 1), takeUp(), takeUp()]);
    expect(taken.reduce((sum, count) => sum + count, 0)).to.equal(3);
    const listed = await store.list({ state: "pending", before: null, limit: 100 });
    expect(listed.map(({ buildId }) => buildId).sort()).to.deep.equal(ids.sort());
    expect(await takeUp()).to.equal(0);
  });

  it("are not made of a build that ended too long ago, nor of those that were there before", async () => {
    const id = await ended();
    await opened.pool.query("update build set finished_at = now() - interval '25 hours' where id = $1", [id]);
    expect(await takeUp()).to.equal(1);
    expect(await states()).to.deep.equal([]);
    expect(await store.claim(60)).to.equal(null);
  });

  it("are one line for a repository: while somebody sends, nobody else gets any of it", async () => {
    await asked();
    await asked();
    await asked("acme/other");
    await takeUp();
    const lines = await Promise.all([store.claim(60), store.claim(60), store.claim(60), store.claim(60)]);
    const got = lines.flatMap((line) => (line === null ? [] : [line.repository]));
    expect(got.sort()).to.deep.equal(["acme/other", "acme/shop"]);
  });

  it("come in the order of the builds, and of each build the statuses first", async () => {
    const [one, two] = [await asked(), await asked()];
    await takeUp(["comment", "check", "status"]);
    const line = await claim();
    const seen: string[] = [];
    for (let due = await store.next(line, 60); due !== null; due = await store.next(line, 60)) {
      seen.push(`${due.buildId} ${due.kind}`);
      await store.told(line, due, false);
    }
    expect(seen).to.deep.equal([one, two].flatMap((id) => [`${id} status`, `${id} check`, `${id} comment`]));
  });

  it("are due again when the build has changed, and never more when all was told of its end", async () => {
    const id = await asked();
    await takeUp();
    const tellOnce = async (isOver: boolean) => {
      const line = await claim();
      const due = await next(line);
      await store.told(line, due, isOver);
      await store.release(line);
      return due.key;
    };
    expect(await tellOnce(false)).to.equal(`${sha} queued`);
    expect(await store.claim(60)).to.equal(null);
    expect(await store.nextDueMs()).to.equal(null);
    await opened.store.begin(id);
    expect(await tellOnce(false)).to.equal(`${sha} begun`);
    await opened.store.finish({ buildId: id, attempt: 1 }, { result: "failure", failure: null, images: [] });
    expect(await states()).to.deep.equal(["pending"]);
    expect(await tellOnce(true)).to.equal(`${sha} failure`);
    expect([await states(), await store.claim(60)]).to.deep.equal([["told"], null]);
  });

  it("that change while they are told are due once more", async () => {
    const id = await asked();
    await takeUp();
    const line = await claim();
    const due = await next(line);
    await opened.store.begin(id);
    await store.told(line, due, false);
    expect((await next(line)).key).to.equal(`${sha} begun`);
  });

  it("that end between the question what is due and the look at the build are told in the end, and do not count as failed", async () => {
    const id = await asked();
    await opened.store.begin(id);
    await takeUp();
    const line = await claim();
    const due = await next(line);
    await opened.store.finish({ buildId: id, attempt: 1 }, { result: "success", failure: null, images: [] });
    expect((await store.look(due))?.build.result).to.equal("success");
    await store.told(line, due, true);
    expect(await states()).to.deep.equal(["pending"]);
    await store.told(line, await next(line), true);
    expect([await states(), await store.next(line, 60)]).to.deep.equal([["told"], null]);
  });

  it("of a reporter that died go on with another one, from what it had told; its own words are not taken any more", async () => {
    await asked();
    await takeUp();
    const dead = await claim(0);
    const due = await next(dead);
    const told = { "ci/mergedock": { id: "7", said: "pending" } };
    await store.keep(dead, due, told);
    await opened.pool.query("update report_line set leased_until = now() - interval '1 second'");
    const line = await claim();
    expect((await next(line)).told).to.deep.equal(told);
    await fails(store.keep(dead, due, {}), "conflict", "taken over");
    await fails(store.told(dead, due, true), "conflict", "taken over");
    await fails(store.failed(dead, due, trouble), "conflict", "taken over");
    expect(await store.next(dead, 60)).to.equal(null);
    await store.release(dead);
    expect(await store.claim(60), "still on lease").to.equal(null);
  });

  it("that failed say why, wait, and hold up the line only while the forge is to be left alone", async () => {
    const [one, two] = [await asked(), await asked()];
    await takeUp();
    const line = await claim();
    const refused = await next(line);
    await store.failed(line, refused, { ...trouble, problem: "403", retryMs: 60_000, isRefused: true });
    const other = await next(line);
    expect([refused.buildId, other.buildId]).to.deep.equal([one, two]);
    await store.failed(line, other, { ...trouble, retryMs: 30_000, pauseMs: 30_000 });
    expect(await store.next(line, 60)).to.equal(null);
    await store.release(line);
    await asked();
    await takeUp();
    expect(await store.claim(60)).to.equal(null);
    expect(await store.nextDueMs()).to.be.within(20_000, 30_000);
    const listed = await store.list({ state: null, before: null, limit: 100 });
    expect(listed.map(({ state, problem, attempts }) => [state, problem, attempts])).to.deep.equal([
      ["pending", "the forge said 502", 0],
      ["pending", "the forge said 502", 1],
      ["failed", "403", 1],
    ]);
    expect(await store.failing(24)).to.deep.include({ count: 3 });
  });

  it("are given up long after the build's end, with what was the problem", async () => {
    const id = await ended();
    await asked();
    await takeUp();
    const line = await claim();
    await store.failed(line, await next(line), trouble);
    await store.release(line);
    expect(await store.giveUp(24)).to.equal(0);
    await opened.pool.query("update build set finished_at = now() - interval '25 hours' where id = $1", [id]);
    expect([await store.giveUp(24), await store.giveUp(24)]).to.deep.equal([1, 0]);
    const [report] = await store.ofBuild(id);
    expect(report).to.deep.include({ state: "failed", problem: "the forge said 502", dueAt: null });
    expect((await store.list({ state: "failed", before: null, limit: 1 })).map(({ buildId }) => buildId)).to.deep.equal(
      [id],
    );
  });

  it("see beside a build the later ones of its commit, what was planned last, and the comment of its pull request", async () => {
    const id = await asked();
    await opened.store.begin(id);
    const services = [{ service: "cart", verdict: "build", reason: "" }] as const;
    await opened.store.recordPlan({ buildId: id, attempt: 1 }, { services, rule: null, refusal: null, setting: null });
    const later = await asked();
    await takeUp();
    const subject = await store.look(await next(await claim()));
    expect(subject?.build.id).to.equal(id);
    expect(subject?.newer.map((one) => [one.id, one.sha])).to.deep.equal([[later, sha]]);
    expect(subject?.lastPlanned).to.deep.equal(["cart"]);
  });
});
