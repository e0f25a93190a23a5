// What core/ports.ts promises of Store and Queue, held by every implementation.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { AttemptKey, BuildRequest, Failure, LogLine } from "../../ci-server/core/build.ts";
import type { BuildStep } from "../../ci-server/core/build-step.ts";
import type { Decision } from "../../ci-server/core/decide.ts";
import type { Delivery, RuleVerdict } from "../../ci-server/core/delivery.ts";
import type { Queue, Store } from "../../ci-server/core/ports.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";
import { fails } from "../helpers/failure.ts";

interface Opened {
  readonly store: Store;
  readonly queue: Queue;
  /** Runs a statement behind the implementation's back; what it cannot be asked, a test of a promise may have to look up. */
  count(table: string): Promise<number>;
  execute(sql: string): Promise<void>;
  close(): Promise<void>;
}

const never = new AbortController().signal;
const step: BuildStep = {
  ...{ number: 1, digest: `sha256:${"a".repeat(64)}`, name: "[1/2] COPY . .", cached: false, error: null },
  ...{ startedAt: new Date("2026-01-01T00:00:00.123Z"), completedAt: new Date("2026-01-01T00:00:01Z") },
};

storeContract("PostgreSQL and pg-boss", openEmbedded);

async function openEmbedded(): Promise<Opened> {
  const folder = await mkdtemp(join(tmpdir(), "store-"));
  const opened: OpenPostgres = await openPostgres(
    examplePostgres(folder, { concurrencies: new Map([["acme/Parallel", "parallel"]]) }),
  );
  return {
    ...opened,
    async count(table) {
      const { rows } = await opened.pool.query(`select count(*)::int as count from ${table}`);
      return rows[0].count;
    },
    async execute(sql) {
      await opened.pool.query(sql);
    },
    async close() {
      await opened.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function storeContract(name: string, open: () => Promise<Opened>): void {
  describe(`Store and Queue on ${name}`, () => {
    let opened: Opened;
    let store: Store;
    before(async () => {
      opened = await open();
      store = opened.store;
    });
    after(() => opened?.close());

    it("stores a delivery with its decision, build and job, and returns the build", async () => {
      const request = merge("acme/first", 1);
      const { buildId } = await accept(store, delivery(), request);
      const build = await store.build(buildId ?? 0);
      expect(build).to.deep.include({ ...request, result: null, attempts: 0, images: [], stages: [], failure: null });
    });

    it("stores a delivery that builds nothing, with the reason", async () => {
      const guid = randomUUID();
      const skip: Decision = { verdict: "skip", reason: "closed without merging", rules: [] };
      expect(await store.accept(delivery({ guid }), skip, null)).to.deep.equal({
        ...{ guid, verdict: "skip", reason: "closed without merging", buildId: null },
      });
      expect((await store.accept(delivery({ guid }), skip, null)).verdict).to.equal("duplicate");
    });

    it("answers a redelivery with what became of the first, however many come at once", async () => {
      const [one, request] = [delivery(), merge("acme/again", 1)];
      const answers = await Promise.all(Array.from({ length: 20 }, () => accept(store, one, request)));
      expect(new Set(answers.map(({ buildId }) => buildId)).size).to.equal(1);
      expect(answers.map(({ verdict }) => verdict).sort()).to.deep.equal(["build", ...Array(19).fill("duplicate")]);
    });

    it("refuses a known id with another body", async () => {
      const guid = randomUUID();
      await accept(store, delivery({ guid }), merge("acme/body", 1));
      await fails(
        accept(store, delivery({ guid, body: Buffer.from("other") }), merge("acme/body", 2)),
        "conflict",
        "with another body",
      );
    });

    it("T4: makes one build of a merge that comes under 100 ids at once", async () => {
      const before = await opened.count("build");
      const answers = await Promise.all(
        Array.from({ length: 100 }, () => accept(store, delivery(), merge("acme/replay", 1))),
      );
      expect(await opened.count("build")).to.equal(before + 1);
      const [built] = answers.filter(({ verdict }) => verdict === "build");
      const skipped = answers.filter(({ verdict }) => verdict === "skip");
      expect(skipped).to.have.length(99);
      expect(skipped[0]).to.include({ buildId: built?.buildId });
      expect(skipped[0]?.reason).to.contain(`it is build ${built?.buildId} already`);
    });

    it("keeps nothing of a delivery that could not be stored whole", async () => {
      const tables = ["delivery", "build", "pgboss.job"];
      const before = await Promise.all(tables.map((table) => opened.count(table)));
      const unstorable = { ...delivery(), hookId: "\0" };
      expect(await accept(store, unstorable, merge("acme/half", 1)).catch(() => "failed")).to.equal("failed");
      expect(await Promise.all(tables.map((table) => opened.count(table)))).to.deep.equal(before);
    });

    it("keeps deliveries with their bytes and their decision, newest first", async () => {
      const body = Buffer.from([0, 255, 1, 2]);
      const event = { kind: "other", repository: "acme/Ledger", action: "opened" } as const;
      const skip: Decision = { verdict: "skip", reason: "no", rules: [{ rule: "event", passed: false, saw: "push" }] };
      const ones = [delivery({ event, body }), delivery({ event, body }), delivery({ event, body })];
      for (const one of ones) await store.accept(one, skip, null);
      const newest = await store.deliveries({ repository: "acme/ledger", verdict: "skip", before: null, limit: 2 });
      expect(newest.map(({ guid }) => guid)).to.deep.equal([ones[2]?.guid, ones[1]?.guid]);
      expect(newest[0]).to.deep.include({
        ...skip,
        action: "opened",
        bodyBytes: 4,
        secretId: "0123abcd",
        buildId: null,
      });
      const rest = await store.deliveries({
        repository: "acme/ledger",
        verdict: null,
        before: newest[1]?.id ?? 0,
        limit: 2,
      });
      expect(rest.map(({ guid }) => guid)).to.deep.equal([ones[0]?.guid]);
      expect(
        await store.deliveries({ repository: "acme/ledger", verdict: "build", before: null, limit: 2 }),
      ).to.deep.equal([]);
      expect(await store.delivery(ones[0]?.guid ?? "")).to.deep.equal(rest[0]);
      expect(Buffer.from((await store.deliveryBody(ones[0]?.guid ?? "")) ?? [])).to.deep.equal(body);
      expect([await store.delivery("none"), await store.deliveryBody("none")]).to.deep.equal([null, null]);
    });

    it("notes what was refused in a ring", async () => {
      for (let count = 0; count < 1_010; count += 1)
        await store.refuse({ guid: null, name: "push", bodyBytes: count, reason: "no" });
      expect(await opened.count("refused_delivery")).to.equal(1_000);
    });

    it("builds a merge again only when that is asked for", async () => {
      const request = merge("acme/replay-me", 1);
      const { buildId } = await accept(store, delivery(), request);
      expect(await store.mergeBuild(request, idOf(request))).to.equal(buildId);
      const again = await store.replay(request, idOf(request));
      expect(again).to.not.equal(buildId);
      expect(await store.mergeBuild(request, idOf(request))).to.equal(buildId);
      expect((await accept(store, delivery(), request)).buildId).to.equal(buildId);
    });

    it("tells the builds of one merge apart by their service", async () => {
      const request = merge("acme/services", 1);
      const services = [null, "cart", "shop"];
      const ids = [];
      for (const service of services) ids.push((await accept(store, delivery(), { ...request, service })).buildId);
      expect(new Set(ids).size).to.equal(3);
      for (const [index, service] of services.entries()) {
        const again = { ...request, service };
        expect(await store.mergeBuild(again, idOf(request))).to.equal(ids[index]);
        expect(await accept(store, delivery(), again)).to.include({ verdict: "skip", buildId: ids[index] });
      }
    });

    const changes = { method: "squash", since: "b".repeat(40), files: ["a\nb", "ü/日本"] } as const;
    const pending = { rule: "paths", passed: true, saw: "judged after the fetch: docs/**" };

    it("records what a merge changed, and a bounded number of its files", async () => {
      const id = (await accept(store, delivery(), merge("acme/changes", 1))).buildId ?? 0;
      expect([(await store.build(id))?.merge, await store.changedFiles(id)]).to.deep.equal([null, null]);
      await store.recordMerge({ buildId: id, attempt: 0 }, { changes, paths: null });
      await store.recordMerge({ buildId: id, attempt: 0 }, { changes, paths: null });
      expect(await store.changedFiles(id)).to.deep.equal({ files: changes.files, total: 2 });
      const summary = { method: "squash", since: "b".repeat(40), files: 2 };
      expect(await store.build(id)).to.deep.include({ merge: summary, skipReason: null, result: null });
      const files = Array.from({ length: 3_001 }, (_none, index) => `file-${index}`);
      await store.recordMerge({ buildId: id, attempt: 0 }, { changes: { ...changes, files }, paths: null });
      expect(await store.changedFiles(id)).to.deep.equal({ files: files.slice(0, -1), total: 3_001 });
      expect(await store.changedFiles(999_999)).to.equal(null);
    });

    it("puts the verdict on paths into the entry of the delivery that led to the build, and into no other", async () => {
      const [one, other] = [delivery(), delivery()];
      const request = { ...merge("acme/paths", 1), deliveryGuid: one.guid };
      const id = (await accept(store, one, request, [pending])).buildId ?? 0;
      await accept(store, other, request, [pending]);
      const others = await store.delivery(other.guid);
      const passed = { rule: "paths", passed: true, saw: "1 changed file: docs/a" };
      await store.recordMerge({ buildId: id, attempt: 0 }, { changes, paths: { rule: passed, refusal: null } });
      const built = await store.delivery(one.guid);
      expect(built).to.include({ verdict: "build", reason: "merged", buildId: id });
      expect(built?.rules.map(({ saw }) => saw)).to.deep.equal([passed.saw, "no build of this merge"]);
      const refused = { rule: "paths", passed: false, saw: "1 changed file: a" };
      for (const _twice of [1, 2])
        await store.recordMerge({ buildId: id, attempt: 0 }, { changes, paths: { rule: refused, refusal: "no file" } });
      const skipped = await store.delivery(one.guid);
      expect(skipped).to.include({ verdict: "skip", reason: "no file", buildId: id });
      expect(skipped?.rules.map(({ rule, saw }) => [rule, saw])).to.deep.equal([
        ["paths", refused.saw],
        ["already built", "no build of this merge"],
      ]);
      expect(await store.build(id)).to.include({ skipReason: "no file" });
      expect(await store.delivery(other.guid)).to.deep.equal(others);
      const again = await store.replay(request, idOf(request));
      await store.recordMerge({ buildId: again, attempt: 0 }, { changes, paths: { rule: passed, refusal: null } });
      expect(await store.delivery(one.guid)).to.deep.equal(skipped);
      await store.begin(id);
      const late = { changes, paths: { rule: passed, refusal: null } };
      await fails(store.recordMerge({ buildId: id, attempt: 0 }, late), "conflict", "was taken over by a later one");
      await store.finish({ buildId: id, attempt: 1 }, { result: "skip", failure: null, images: [] });
      await fails(store.recordMerge({ buildId: id, attempt: 1 }, late), "conflict", "");
      expect(await store.delivery(one.guid)).to.deep.equal(skipped);
      expect(await store.build(id)).to.include({ result: "skip", skipReason: "no file" });
    });

    it("makes one build of a request that is sent again under its key, also at once", async () => {
      const key = randomUUID();
      const ids = await Promise.all(Array.from({ length: 10 }, () => store.request(manual("acme/key"), key)));
      expect(new Set(ids).size).to.equal(1);
      await fails(store.request(manual("acme/other"), key), "conflict", "was used for another request");
      expect(await store.request(manual("acme/key"), randomUUID())).to.not.equal(ids[0]);
    });

    it("lists builds newest first, page by page, of one repository or all", async () => {
      const ids = [];
      for (let number = 1; number <= 5; number += 1)
        ids.push((await accept(store, delivery(), merge("acme/Pages", number))).buildId);
      const newest = await store.builds({ repository: "acme/pages", before: null, limit: 2 });
      expect(newest.map(({ id }) => id)).to.deep.equal([ids[4], ids[3]]);
      const next = await store.builds({ repository: "acme/pages", before: newest[1]?.id ?? 0, limit: 2 });
      expect(next.map(({ id }) => id)).to.deep.equal([ids[2], ids[1]]);
      expect((await store.builds({ repository: null, before: null, limit: 1 }))[0]?.id).to.equal(ids[4]);
    });

    it("records an attempt with its stages, and ends a build once", async () => {
      const id = await store.request(manual("acme/stages"), null);
      expect(await store.begin(id)).to.include({ id, attempts: 1, result: null });
      const [first, second] = [1, 2].map((attempt) => ({ buildId: id, attempt })) as [AttemptKey, AttemptKey];
      await store.stageStarted(first, "fetch");
      await store.resolveSha(first, "f".repeat(40));
      await store.stageStarted(first, "plan", { stage: "fetch", ms: 12.5, result: "success" });
      await store.stageEnded(first, { stage: "plan", ms: 1, result: "failure" });
      const stages = (await store.build(id))?.stages ?? [];
      expect(stages.slice(1).map(({ name, ms, result }) => [name, ms, result])).to.deep.equal([
        ["fetch", 12.5, "success"],
        ["plan", 1, "failure"],
      ]);
      const again = await store.begin(id);
      expect(again?.attempts).to.equal(2);
      expect(again?.stages.map(({ name: stage }) => stage)).to.deep.equal(["queued"]);
      const images = [
        {
          ...{
            service: "shop",
            reference: "r/acme@sha256:1",
            path: "acme",
            digest: "sha256:1",
            tags: ["a", "b"],
            fixedTags: ["b"],
          },
          ...{ bytes: 3_000_000_000, imageId: "sha256:2", key: "k", reusedFrom: null },
          bases: [{ reference: "node:24", digest: "sha256:3" }],
          destinations: [{ reference: "r2/acme@sha256:1", result: "error", message: "gone" } as const],
          attestations: [{ type: "sbom", digest: "sha256:4" } as const],
        },
      ];
      await store.finish(second, { result: "success", failure: null, images });
      await store.finish(second, { result: "error", failure: failure("late"), images: [] });
      const kept = images.map((image) => ({ ...image, removedAt: null }));
      const ended = { result: "success", failure: null, images: kept, sha: "f".repeat(40), logRemovedAt: null };
      expect(await store.build(id)).to.deep.include(ended);
      expect(await store.begin(id)).to.include({ attempts: 2, result: "success" });
      expect(await store.begin(999_999)).to.equal(null);
      expect(await store.build(999_999)).to.equal(null);
    });

    it("takes nothing from an attempt after the next one has begun", async () => {
      const id = await store.request(manual("acme/fenced"), null);
      const [stale, last] = [1, 2].map((attempt) => ({ buildId: id, attempt })) as [AttemptKey, AttemptKey];
      const artifact = { service: "shop", recipe: "{}", imageId: "sha256:1", tag: "build-1" };
      await store.begin(id);
      await store.stageStarted(stale, "fetch");
      await store.keepArtifact(stale, artifact);
      await store.recordSteps(stale, "shop", [step]);
      await store.begin(id);
      await store.appendLog(last, [line(1)]);
      for (const late of [
        () => store.stageStarted(stale, "build"),
        () => store.stageEnded(stale, { stage: "queued", ms: 1, result: "error" }),
        () => store.resolveSha(stale, "0".repeat(40)),
        () => store.keepArtifact(stale, { ...artifact, imageId: "sha256:late" }),
        () => store.recordSteps(stale, "shop", []),
        () => store.appendLog(stale, [{ ...line(1), text: "late" }]),
        () => store.giveBack(stale),
        () => store.finish(stale, { result: "error", failure: null, images: [] }),
      ]) {
        await fails(late(), "conflict", `attempt 1 of build ${id} was taken over`);
      }
      expect(await store.build(id)).to.include({ attempts: 2, result: null, sha: null });
      expect(await store.readLog(id, 0)).to.deep.equal([line(1)]);
      expect(await store.artifacts(id)).to.deep.equal([artifact]);
      expect(await store.steps(id)).to.deep.equal({ shop: [step] });
      await store.recordSteps(last, "shop", [{ ...step, completedAt: null, error: "it broke \u{1f4a5}" }]);
      await store.recordSteps(last, "cart", []);
      expect((await store.steps(id)).shop).to.deep.equal([{ ...step, completedAt: null, error: "it broke \u{1f4a5}" }]);
      const attempts = await store.attempts(id);
      expect(attempts.map(({ worker, stage, outcome }) => [worker, stage, outcome])).to.deep.equal([
        ["a worker of the tests", "fetch", null],
        ["a worker of the tests", null, null],
      ]);
    });

    it("gives a log's lines in order after any line, once each", async () => {
      const { id, at } = await begun(store, "acme/log");
      const lines = Array.from({ length: 95 }, (_none, index) => line(index + 1));
      for (const chunk of [lines.slice(0, 50), lines.slice(50, 93), lines.slice(93)]) await store.appendLog(at, chunk);
      expect(await store.logSize(id)).to.deep.equal({ lines: 95, bytes: logBytes(lines) });
      for (const after of [0, 1, 49, 50, 51, 92, 93, 94, 95])
        expect(await store.readLog(id, after)).to.deep.equal(lines.slice(after));
      expect(await store.logSize(await store.request(manual("acme/log"), null))).to.deep.equal({ lines: 0, bytes: 0 });
    });

    it("says why a build was asked to stop, and nothing where none was", async () => {
      const { id } = await begun(store, "acme/stop");
      expect(await store.cancelReason(id)).to.equal(null);
      await store.cancel(id, "enough");
      expect(await store.cancelReason(id)).to.equal("enough");
      expect(await store.cancelReason(987_654)).to.equal(null);
    });

    it("keeps what is known of a failure, and reads what an earlier version wrote of one", async () => {
      const { id, at } = await begun(store, "acme/failed");
      await store.finish(at, { result: "error", failure: failure("broken"), images: [] });
      expect((await store.build(id))?.failure).to.deep.equal(failure("broken"));
      const old = await begun(store, "acme/failed");
      await store.finish(old.at, { result: "timeout", failure: null, images: [] });
      await opened.execute(
        `update build set failure = '{"code": "timeout", "message": "too long"}' where id = ${old.id}`,
      );
      const unknown = { service: null, step: null, lastLines: [], hint: null };
      expect((await store.build(old.id))?.failure).to.deep.equal({
        ...{ code: "timeout", message: "too long", kind: "timeout" },
        ...unknown,
      });
    });

    it("reads the lines of a log that an earlier version wrote", async () => {
      const { id } = await begun(store, "acme/old-log");
      const stored = JSON.stringify([{ at: new Date(0), stage: "fetch", text: "an old line" }]);
      await opened.execute(`insert into log_chunk (build_id, seq, lines) values (${id}, 1, '${stored}')`);
      expect(await store.readLog(id, 0)).to.deep.equal([
        {
          ...{ seq: 1, at: new Date(0), stage: "fetch", text: "an old line" },
          service: null,
          step: null,
          stream: null,
        },
      ]);
    });

    it("wakes those who wait for a change, and lets go of them in time", async () => {
      const { id, at } = await begun(store, "acme/change");
      const before = performance.now();
      const change = store.changed(id, 20_000, never);
      await store.appendLog(at, [line(1)]);
      await change;
      const stop = new AbortController();
      const stopped = store.changed(id, 20_000, stop.signal);
      stop.abort();
      await stopped;
      await store.changed(id, 10, never);
      expect(performance.now() - before).to.be.lessThan(10_000);
    });

    it("hands out builds in order and one at a time for each repository, and again when one was given back", async () => {
      const asked: Record<string, number[]> = {};
      for (const repository of ["acme/x", "acme/y"]) {
        asked[repository] = [];
        for (let turn = 0; turn < 3; turn += 1) asked[repository].push(await store.request(manual(repository), null));
      }
      const all = Object.values(asked).flat();
      const seen = await workOff(opened.queue, store, all, asked["acme/x"]?.[0] ?? 0);
      expect(seen.overlaps).to.equal(0);
      expect(seen.done.filter((id) => asked["acme/x"]?.includes(id))).to.deep.equal(asked["acme/x"]);
      expect(seen.done.filter((id) => asked["acme/y"]?.includes(id))).to.deep.equal(asked["acme/y"]);
      expect(seen.given).to.equal(1);
    }).timeout(60_000);
  });
}

interface Seen {
  readonly done: number[];
  overlaps: number;
  given: number;
}

/** Works until all of `ids` are done; the first time that `giveBack` comes it throws. */
function workOff(queue: Queue, store: Store, ids: readonly number[], giveBack: number): Promise<Seen> {
  const seen: Seen = { done: [], overlaps: 0, given: 0 };
  const running = new Set<string>();
  return new Promise((resolve, reject) => {
    const handle = async (id: number) => {
      const { repository } = (await store.build(id)) ?? { repository: "" };
      if (running.has(repository)) seen.overlaps += 1;
      running.add(repository);
      await store.changed(id, 50, never);
      running.delete(repository);
      if (id === giveBack && seen.given === 0) {
        seen.given += 1;
        throw new Error("given back");
      }
      seen.done.push(id);
      if (ids.every((wanted) => seen.done.includes(wanted))) resolve(seen);
    };
    queue.work(handle).catch(reject);
  });
}

/** Every other one as a step has printed it, the others as a stage says them. */
function line(seq: number): LogLine {
  const origin =
    seq % 2 === 0
      ? ({ service: "shop", step: 3, stream: "stderr" } as const)
      : { service: null, step: null, stream: null };
  return { seq, at: new Date(1_700_000_000_000 + seq), stage: "build", ...origin, text: `line ${seq} "ü" \u001b[1m` };
}

function logBytes(lines: readonly LogLine[]): number {
  return lines.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
}

function failure(message: string): Failure {
  const step = { number: 4, name: "[2/3] RUN false", dockerfileLine: 3, exitCode: 1 };
  return { code: "internal", message, kind: "internal", service: "shop", step, lastLines: ["a", "b"], hint: "look" };
}

function delivery(change: Partial<Delivery> = {}): Delivery {
  const event = { kind: "other", repository: "acme/shop", action: null } as const;
  return {
    ...{ headers: { "content-type": "application/json" }, secretId: "0123abcd" },
    guid: randomUUID(),
    forge: "github",
    name: "pull_request",
    hookId: "1",
    event,
    body: Buffer.from("body"),
    ...change,
  };
}

function merge(repository: string, number: number): BuildRequest {
  const pullRequest = { number, title: "t", url: "u", author: "ada", mergedBy: null };
  const rest = { ref: "main", service: null, version: null, deliveryGuid: null } as const;
  return { repository, trigger: "pull_request", sha: "a".repeat(40), pullRequest, ...rest };
}

async function begun(store: Store, repository: string): Promise<{ readonly id: number; readonly at: AttemptKey }> {
  const id = await store.request(manual(repository), null);
  await store.begin(id);
  return { id, at: { buildId: id, attempt: 1 } };
}

function manual(repository: string): BuildRequest {
  const rest = {
    sha: null,
    ref: "main",
    service: "shop",
    version: "1",
    pullRequest: null,
    deliveryGuid: null,
  } as const;
  return { repository, trigger: "manual", ...rest };
}

/** As the flow does, with the repository's name for its id. */
function accept(store: Store, one: Delivery, request: BuildRequest, rules: readonly RuleVerdict[] = []) {
  const pullRequest = examplePullRequest({ number: request.pullRequest?.number ?? 0, mergeCommitSha: request.sha });
  const repository = exampleRepository({ name: request.repository });
  const decided = {
    verdict: "build",
    reason: "merged",
    rules,
    repository,
    repositoryId: idOf(request),
    about: exampleAbout,
    pullRequest,
    sha: request.sha ?? "",
  } as const;
  return store.accept(one, decided, request);
}

/** A number that stays the same for the same repository, as a forge's does. */
function idOf({ repository }: BuildRequest): number {
  return Buffer.from(repository).reduce((sum, byte) => (sum * 31 + byte) % 2 ** 40, 7);
}
