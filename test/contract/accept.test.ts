// What Store.accept promises when deliveries come at once: they are stored in batches, and nobody can tell.

import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { BuildRequest } from "../../ci-server/core/build.ts";
import type { Decision } from "../../ci-server/core/decide.ts";
import type { Delivery } from "../../ci-server/core/delivery.ts";
import type { AppError } from "../../ci-server/core/errors.ts";
import type { Accepted, Store } from "../../ci-server/core/ports.ts";
import type { Repository } from "../../ci-server/core/recipe.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const limits = { perRepositoryMax: 12, inAllMax: 300 };

describe("Store.accept on PostgreSQL, many at once", () => {
  let folder: string;
  let one: OpenPostgres;
  let other: OpenPostgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "accept-"));
    one = await open(null);
    other = await open(url());
  });
  after(async () => {
    for (const opened of [other, one]) await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => one.pool.query("update build set result = 'success', finished_at = now() where result is null"));

  const url = () => `postgres:///postgres?host=${encodeURIComponent(folder)}&user=mergedock`;
  const open = (at: string | null) => openPostgres(examplePostgres(folder, { url: at, worker: randomUUID(), limits }));

  it("needs few transactions for many deliveries", async () => {
    const before = await transactions(one);
    await acceptAll(
      one.store,
      Array.from({ length: 100 }, (_none, number) => merge(`acme/many-${number}`, 1)),
    );
    // The first one goes alone, what came meanwhile follows in two.
    expect((await transactions(one)) - before).to.equal(3);
  });

  it("gives a later build the higher id, whoever asked for the one before", async () => {
    const ids: number[] = [];
    for (const number of [1, 2]) {
      const [accepted] = await acceptAll(one.store, [merge("acme/in-order", number)]);
      const byHand = { ...merge("acme/in-order", number).request, trigger: "manual", pullRequest: null } as const;
      ids.push(accepted?.buildId ?? 0, await one.store.request(byHand, null));
    }
    expect(ids).to.deep.equal(ids.toSorted((a, b) => a - b));
  });

  it("answers one GUID twice in a batch as it answers a redelivery", async () => {
    const [first, second] = [merge("acme/twice", 1), merge("acme/twice", 2)];
    const again = { ...second, delivery: first.delivery };
    const before = await transactions(one);
    const forged = { ...second, delivery: { ...first.delivery, body: Buffer.from("other") } };
    const [, ...answers] = await settleAll(one.store, [merge("acme/opener", 1), first, again, forged, second]);
    expect(answers.map(verdictOf)).to.deep.equal(["build", "duplicate", "conflict", "build"]);
    expect(answers[1]).to.include({ buildId: (answers[0] as Accepted).buildId });
    expect((await transactions(one)) - before).to.equal(2);
  });

  it("makes one build of a merge that comes twice in a batch", async () => {
    const first = merge("acme/same", 1);
    const before = await transactions(one);
    const [, built, skipped] = await acceptAll(one.store, [merge("acme/opener", 2), first, renamed(first)]);
    expect(built?.verdict).to.equal("build");
    expect(skipped).to.include({ verdict: "skip", buildId: built?.buildId });
    expect(skipped?.reason).to.contain(`it is build ${built?.buildId} already`);
    expect((await transactions(one)) - before).to.equal(2);
  });

  it("builds the merges of two forges that number repositories and pull requests alike, of the same commit, once each", async () => {
    const merges = ["acme/here", "acme/There"].map((name) => merge(name, 1));
    const alike = merges.map((one) => ({ ...one, decision: { ...one.decision, repositoryId: 1 } }));
    const built = await acceptAll(one.store, alike);
    expect(built.map(({ verdict }) => verdict)).to.deep.equal(["build", "build"]);
    // Together, and in turn.
    for (const known of [
      await acceptAll(one.store, alike.map(renamed)),
      await settleAll(other.store, alike.map(renamed)),
    ])
      expect(known.map((answer) => (answer as Accepted).buildId)).to.deep.equal(built.map(({ buildId }) => buildId));
    const found = await Promise.all(alike.map(({ request }) => one.store.mergeBuild(request, 1)));
    expect(found).to.deep.equal(built.map(({ buildId }) => buildId));
  });

  it("reaches a repository's limit in the middle of a batch, and keeps what is above it for a replay", async () => {
    const merges = Array.from({ length: 20 }, (_none, number) => merge("acme/full", number));
    const answers = await acceptAll(one.store, merges);
    expect(answers.map(({ verdict }) => verdict)).to.deep.equal([...Array(12).fill("build"), ...Array(8).fill("skip")]);
    expect(answers[19]?.reason).to.equal("queue full: 12 builds of acme/full wait already; replay the delivery later");
    expect(await one.store.deliveryBody(answers[19]?.guid ?? "")).to.deep.equal(merges[19]?.delivery.body);
  });

  it("reaches the limit of all in the middle of a batch", async () => {
    const merges = Array.from({ length: 310 }, (_none, number) => merge(`acme/all-${number % 40}`, number));
    const answers = await acceptAll(one.store, merges);
    expect(answers.filter(({ verdict }) => verdict === "build")).to.have.length(300);
    expect(answers[300]?.reason).to.equal("queue full: 300 builds wait already; replay the delivery later");
  });

  it("has room again as soon as builds have ended", async () => {
    await acceptAll(
      one.store,
      Array.from({ length: 12 }, (_none, number) => merge("acme/room", number)),
    );
    await one.pool.query("update build set result = 'success' where result is null");
    expect((await acceptAll(one.store, [merge("acme/room", 99)]))[0]?.verdict).to.equal("build");
  });

  it("lets the newest merge of a batch replace all before it, and counts only that one", async () => {
    const merges = Array.from({ length: 30 }, (_none, number) => merge("acme/newest", number, "supersede"));
    const answers = await acceptAll(one.store, merges);
    const ids = answers.map(({ buildId }) => buildId ?? 0);
    const builds = await Promise.all(ids.map((id) => one.store.build(id)));
    expect(builds.map((build) => build?.result)).to.deep.equal([...Array(29).fill("cancellation"), null]);
    // The first one is a batch of its own, and of the next one the newest has all that the others have.
    expect(builds[0]?.failure?.message).to.equal(`superseded by #${ids[29]}`);
    expect(builds[28]?.failure?.message).to.equal(`superseded by #${ids[29]}`);
    // Of their end somebody may have to be told.
    const { rowCount } = await one.pool.query("select from build_end where build_id = any($1)", [ids]);
    expect(rowCount).to.equal(29);
  });

  it("queues the builds of a repository in the order in which their deliveries came, a large one among them", async () => {
    const merges = Array.from({ length: 10 }, (_none, number) => merge("acme/order", number));
    const large = { ...merge("acme/order", 10), delivery: delivery({ body: randomBytes(4_000_000) }) };
    const all = [...merges.slice(0, 4), large, ...merges.slice(4)];
    const ids = (await acceptAll(one.store, all)).map(({ buildId }) => buildId);
    expect(ids).to.deep.equal(ids.toSorted((a, b) => (a ?? 0) - (b ?? 0)));
    const { rows } = await one.pool.query(
      "select (data->>'buildId')::int as id from pgboss.job where singleton_key = 'acme/order' order by created_on, job.id",
    );
    expect(rows.map(({ id }) => id)).to.deep.equal(ids);
    expect(await one.store.deliveryBody(large.delivery.guid)).to.deep.equal(large.delivery.body);
  });

  it("lets a delivery that the database refuses fail alone", async () => {
    const poisoned = { ...merge("acme/poison", 1), delivery: delivery({ hookId: "\0" }) };
    const sound = Array.from({ length: 10 }, (_none, number) => merge("acme/sound", number));
    const answers = await settleAll(one.store, [...sound.slice(0, 5), poisoned, ...sound.slice(5)]);
    expect(answers.map(verdictOf)).to.deep.equal([...Array(5).fill("build"), "failed", ...Array(5).fill("build")]);
    expect(await one.store.delivery(poisoned.delivery.guid)).to.equal(null);
    expect(await one.store.builds({ repository: "acme/poison", before: null, limit: 1 })).to.deep.equal([]);
  });

  it("stores each delivery once and builds each merge once when two receivers are told of the same", async () => {
    const merges = Array.from({ length: 50 }, (_none, number) => merge(`acme/race-${number % 10}`, number));
    const told = shuffled([...merges, ...merges, ...merges.map(renamed), ...merges.map(renamed)]);
    const answers = await Promise.all(
      told.map(({ delivery, decision, request }, index) =>
        (index % 2 === 0 ? one : other).store.accept(delivery, decision, request),
      ),
    );
    const verdicts = Object.groupBy(answers, ({ verdict }) => verdict);
    expect([verdicts.build?.length, verdicts.duplicate?.length, verdicts.skip?.length]).to.deep.equal([50, 50, 100]);
    expect(new Set(answers.map(({ buildId }) => buildId)).size).to.equal(50);
    const { rows } = await one.pool.query(
      `select (select count(*)::int from build where repository like 'acme/race-%') as builds,
         (select count(*)::int from delivery where repository like 'acme/race-%') as deliveries,
         (select count(*)::int from pgboss.job where singleton_key like 'acme/race-%') as jobs`,
    );
    expect(rows[0]).to.deep.equal({ builds: 50, deliveries: 150, jobs: 50 });
  });

  it("leaves a small gap in the numbers of builds when a receiver ends, though it takes them before they are needed", async () => {
    const ids: number[] = [];
    for (const turn of [1, 2]) {
      const receiver = await open(url());
      const [accepted] = await acceptAll(receiver.store, [merge(`acme/gap-${turn}`, 1)]);
      ids.push(accepted?.buildId ?? 0);
      await receiver.close();
    }
    expect((ids[1] ?? 0) - (ids[0] ?? 0)).to.be.within(1, 5);
  });

  it("lets the newest merge replace one that waits, though the queue is full with that", async () => {
    const waiting = Array.from({ length: limits.perRepositoryMax }, (_none, number) => merge("acme/brimful", number));
    await acceptAll(one.store, waiting);
    const [newest] = await acceptAll(one.store, [merge("acme/brimful", 99, "supersede")]);
    expect(newest?.verdict).to.equal("build");
  });

  it("waits for a migration of another process, however long that takes", async () => {
    const lock = await one.pool.connect();
    await lock.query("select pg_advisory_lock(7310001)");
    const opening = open(url());
    await delay(9_000);
    await lock.query("select pg_advisory_unlock(7310001)");
    lock.release();
    await (await opening).close();
  }).timeout(30_000);

  it("reads bodies that were kept as gzip", async () => {
    const [accepted] = await acceptAll(one.store, [merge("acme/gzip", 1)]);
    await one.pool.query("update delivery set body = $1 where guid = $2", [gzipSync("as before"), accepted?.guid]);
    expect(String(Buffer.from((await one.store.deliveryBody(accepted?.guid ?? "")) ?? []))).to.equal("as before");
  });
});

interface Merge {
  readonly delivery: Delivery;
  readonly decision: Decision;
  readonly request: BuildRequest;
}

function merge(repository: string, number: number, concurrency: Repository["concurrency"] = "queue"): Merge {
  const sha = "a".repeat(40);
  const pullRequest = { number, title: "t", url: "u", author: "ada", mergedBy: null };
  const rest = { ref: "main", service: null, version: null, deliveryGuid: null } as const;
  return {
    delivery: delivery({ event: { kind: "other", repository, action: null } }),
    decision: {
      ...{ verdict: "build", reason: "merged", rules: [], sha },
      repository: exampleRepository({ name: repository, concurrency }),
      // A number that stays the same for the same repository, as a forge's does.
      repositoryId: Buffer.from(repository).reduce((sum, byte) => (sum * 31 + byte) % 2 ** 40, 7),
      about: exampleAbout,
      pullRequest: examplePullRequest({ number }),
    },
    request: { repository, trigger: "pull_request", sha, pullRequest, ...rest },
  };
}

function delivery(change: Partial<Delivery> = {}): Delivery {
  return {
    ...{ guid: randomUUID(), forge: "github", name: "pull_request", hookId: "1", body: Buffer.from("body") },
    ...{ headers: { "content-type": "application/json" }, secretId: "0123abcd" },
    event: { kind: "other", repository: "acme/shop", action: null },
    ...change,
  };
}

/** The same merge, told of by another delivery. */
function renamed(one: Merge): Merge {
  return { ...one, delivery: { ...one.delivery, guid: randomUUID() } };
}

function acceptAll(store: Store, merges: readonly Merge[]): Promise<Accepted[]> {
  return Promise.all(merges.map(({ delivery, decision, request }) => store.accept(delivery, decision, request)));
}

async function settleAll(store: Store, merges: readonly Merge[]): Promise<(Accepted | AppError)[]> {
  const settled = await Promise.allSettled(merges.map((one) => acceptAll(store, [one])));
  return settled.map((one) => (one.status === "rejected" ? one.reason : one.value[0]));
}

function verdictOf(answer: Accepted | AppError): string {
  return "verdict" in answer ? answer.verdict : answer.code === "conflict" ? "conflict" : "failed";
}

function shuffled<T>(values: readonly T[]): T[] {
  const keyed = values.map((value) => ({ value, key: randomBytes(4).readUInt32BE() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}

/** How many have written deliveries: each has an id of its own, which stands at its rows. */
async function transactions({ pool }: OpenPostgres): Promise<number> {
  const { rows } = await pool.query("select count(distinct xmin::text)::int as count from delivery");
  return rows[0].count;
}
