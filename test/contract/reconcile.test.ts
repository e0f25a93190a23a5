// What the store promises of what was looked for: whoever tells of a merge, and however often at once, it is one build.

import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createReconcileStore } from "../../ci-server/adapters/postgres/reconcile.ts";
import type { Delivery, FoundEvent, PullRequestEvent } from "../../ci-server/core/delivery.ts";
import { toFoundDelivery } from "../../ci-server/core/found-event.ts";
import type { Accepted, Arrived, ReconcileStore } from "../../ci-server/core/ports.ts";
import type { Concurrency } from "../../ci-server/core/recipe.ts";
import { takeAll, toArrived } from "../../ci-server/flows/reconcile-look.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

describe("what was looked for, on PostgreSQL", () => {
  let folder: string;
  let one: OpenPostgres;
  let other: OpenPostgres;
  let state: ReconcileStore;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "reconcile-"));
    one = await openPostgres(examplePostgres(folder, { worker: randomUUID() }));
    const url = `postgres:///postgres?host=${encodeURIComponent(folder)}&user=mergedock`;
    other = await openPostgres(examplePostgres(folder, { url, worker: randomUUID() }));
    state = createReconcileStore(one.pool);
  });
  after(async () => {
    for (const opened of [other, one]) await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("is one build of each merge when its delivery, the forge's API and git tell of it at once to two processes", async () => {
    const merges = Array.from({ length: 40 }, (_none, index) => merge("acme/race", index + 1));
    const accepting = shuffled(
      merges.flatMap((told) => [
        () => accept(one, sent(told)),
        () => accept(other, sent(told)),
        () => one.store.acceptAll([inApi(told)]),
        () => other.store.acceptAll([inApi(told)]),
        () => one.store.acceptAll([inGit(told)]),
        () => other.store.acceptAll([inGit(told)]),
      ]),
    );
    const answers = (await Promise.all(accepting.map((ask) => ask()))).flat();
    expect(answers.filter(({ verdict }) => verdict === "build")).to.have.length(40);
    const { rows } = await one.pool.query(
      "select count(*)::int as builds, count(distinct sha)::int as merges from build where repository = 'acme/race'",
    );
    expect(rows[0]).to.deep.equal({ builds: 40, merges: 40 });
    // By GUID: what was sent or read is one, and what git showed is another.
    expect(new Set(answers.map(({ guid }) => guid)).size).to.equal(80);
  });

  it("is all that came in one go: of those that wait the newest replaces the others, and none of them is begun", async () => {
    const merges = Array.from({ length: 50 }, (_none, index) => inApi(merge("acme/newest", index + 1, "supersede")));
    const answers = await one.store.acceptAll(merges);
    const { rows } = await one.pool.query(
      "select id::int, result from build where repository = 'acme/newest' order by id",
    );
    expect(rows.map(({ id }) => id)).to.deep.equal(answers.map(({ buildId }) => buildId));
    expect(rows.map(({ result }) => result)).to.deep.equal([...Array(49).fill("cancellation"), null]);
  });

  it("replaces no merge that was delivered and waits: that one may be the newer of the two", async () => {
    const [missed, told] = [merge("acme/after", 1, "supersede"), merge("acme/after", 2, "supersede")];
    const [newest] = await accept(one, sent(told));
    const [[api], [git]] = [
      await one.store.acceptAll([inApi(missed)]),
      await other.store.acceptAll([inGit(merge("acme/after", 3, "supersede"))]),
    ];
    const results = async () =>
      Promise.all([newest, api, git].map(async (told_) => (await one.store.build(told_?.buildId ?? 0))?.result));
    expect(await results()).to.deep.equal([null, "cancellation", null]);
    await accept(one, sent(merge("acme/after", 4, "supersede")));
    expect(await results()).to.deep.equal(Array(3).fill("cancellation"));
  });

  it("has lower ids than what is delivered after it to the same process", async () => {
    const ids: number[] = [];
    for (const number of [1, 3]) {
      // By now its batches are written with ids that were taken before.
      ids.push(...(await accept(one, sent(merge("acme/ids", number)))).map(({ buildId }) => buildId ?? 0));
      const found = await one.store.acceptAll([inApi(merge("acme/ids", number + 1))]);
      ids.push(...found.map(({ buildId }) => buildId ?? 0));
    }
    expect(ids).to.deep.equal(ids.toSorted((a, b) => a - b));
  });

  it("is taken but for what the database refuses", async () => {
    const [first, poisoned, last] = [1, 2, 3].map((number) => inApi(merge("acme/poison", number)));
    if (first === undefined || poisoned === undefined || last === undefined) throw new Error("three were made");
    const delivery = { ...poisoned.delivery, hookId: "\0" };
    const { taken, refused } = await takeAll(one.store, [first, { ...poisoned, delivery }, last]);
    expect(taken.map(({ guid, verdict }) => [guid, verdict])).to.deep.equal(
      [first, last].map((told) => [told.delivery.guid, "build"]),
    );
    expect(refused).to.equal(1);
  });

  it("has its delivery after it as a duplicate, whatever its bytes are; a delivery that was signed has to be the same", async () => {
    const told = merge("acme/bytes", 1);
    await one.store.acceptAll([inApi(told)]);
    const [again] = await accept(one, sent(told));
    expect(again?.verdict).to.equal("duplicate");
    const signed = sent(merge("acme/bytes", 2));
    await accept(one, signed);
    const forged = { ...signed, delivery: { ...signed.delivery, body: randomBytes(8) } };
    expect(await accept(one, forged).catch(({ code }) => code)).to.equal("conflict");
  });

  it("names the build that the merge has, to its delivery and to git", async () => {
    const [first, second] = [merge("acme/late", 1), merge("Acme/Late", 2)];
    // By now its batches are written without a look at the ledger, as is usual.
    for (const number of [8, 9]) await accept(one, sent(merge("acme/late", number)));
    const [found] = await one.store.acceptAll([inGit(first)]);
    const [late] = await accept(one, sent(first));
    expect(late).to.include({ verdict: "skip", buildId: found?.buildId });
    expect(late?.reason).to.contain(`it is build ${found?.buildId} already`);
    const [told] = await accept(one, sent(second));
    const [seen] = await one.store.acceptAll([inGit({ ...second, repository: "acme/late" })]);
    expect(seen).to.include({ verdict: "skip", buildId: told?.buildId });
  });

  it("is looked for by one process at a time, and again when somebody asks meanwhile", async () => {
    const elsewhere = createReconcileStore(other.pool);
    expect(await state.ask(["Acme/Turns"])).to.deep.equal([{ repository: "acme/turns", round: 1 }]);
    const claims = await Promise.all([state, elsewhere, state].map((store) => store.claim(["acme/turns"], 60)));
    const [claim] = claims.filter((found) => found !== null);
    expect(claims.filter((found) => found !== null)).to.have.length(1);
    if (claim === undefined) throw new Error("nobody was given it");
    expect(await state.ask(["acme/turns"])).to.deep.equal([{ repository: "acme/turns", round: 2 }]);
    expect(await elsewhere.claim(["acme/turns"], 60)).to.equal(null);
    await state.end(claim, { way: "api", found: 3, problem: null, againSeconds: 3_600 });
    const next = await elsewhere.claim(["acme/turns"], 60);
    expect(next).to.deep.equal({ repository: "acme/turns", round: 2 });
    // Whoever was away for too long says nothing of a look that is not his any more.
    await state.end(claim, { way: "git", found: 9, problem: "late", againSeconds: null });
    const [seen] = await state.states(["acme/turns"]);
    expect(seen).to.include({ round: 2, endedRound: 1, way: "api", found: 3, problem: null });
  });

  it("is looked for by another process when the first one died", async () => {
    await state.ask(["acme/dead"]);
    await state.claim(["acme/dead"], 0);
    expect(await createReconcileStore(other.pool).claim(["acme/dead"], 60)).to.include({ round: 2 });
  });

  it("knows merges by commit and by pull request, those too that were delivered and not built", async () => {
    const told = merge("acme/known", 7);
    await accept(one, sent(told));
    const skipped = sent(merge("acme/known", 8));
    await one.store.accept(skipped.delivery, { verdict: "skip", reason: "no label", rules: [] }, null);
    const closed = sent(merge("acme/known", 9));
    const rules = [{ rule: "merged", passed: false, saw: "merged: false" }];
    await one.store.accept(closed.delivery, { verdict: "skip", reason: "closed", rules }, null);
    expect([...(await state.pullRequestsSeen("Acme/Known", [7, 8, 9, 10]))].sort()).to.deep.equal([7, 8]);
    expect(await state.mergesBuilt("Acme/Known", [told.sha, "f".repeat(40)])).to.deep.equal(new Map([[told.sha, 1]]));
    expect(await state.lastMerge("acme/known", "main")).to.equal(told.sha);
  });
});

interface Told {
  readonly repository: string;
  readonly number: number;
  readonly sha: string;
  readonly guid: string;
  readonly concurrency: Concurrency;
}

function merge(repository: string, number: number, concurrency: Concurrency = "queue"): Told {
  return { repository, number, sha: randomBytes(20).toString("hex"), guid: randomUUID(), concurrency };
}

function sent(told: Told): Arrived {
  return arrived(told, { body: Buffer.from(`as it was signed ${told.guid}`), secretId: "0123abcd" });
}

function inApi(told: Told): Arrived {
  return arrived(told, { body: Buffer.from(`as the API has it ${told.guid}`), secretId: "api", origin: "api" });
}

function arrived({ repository, number, sha, guid, concurrency }: Told, change: Partial<Delivery>): Arrived {
  const pullRequest = examplePullRequest({ number, mergeCommitSha: sha, baseRef: "main", merged: true });
  const event: PullRequestEvent = {
    ...{ kind: "pull_request", action: "closed", repository, about: exampleAbout, pullRequest },
    repositoryId: Buffer.from(repository.toLowerCase()).reduce((sum, byte) => (sum * 31 + byte) % 2 ** 40, 7),
  };
  const rest = { forge: "github", name: "pull_request", hookId: "1", headers: {}, body: Buffer.from(""), secretId: "" };
  return toArrived([exampleRepository({ name: repository, concurrency })], { ...rest, guid, event, ...change });
}

function inGit({ repository, number, sha, concurrency }: Told): Arrived {
  const pullRequest = examplePullRequest({ number, mergeCommitSha: sha, baseRef: "main", merged: true });
  const event: FoundEvent = {
    ...{ kind: "found", action: "merged", repository, branch: "main", sha, commits: 1, pullRequest },
  };
  return toArrived([exampleRepository({ name: repository, concurrency })], toFoundDelivery(event));
}

async function accept({ store }: OpenPostgres, { delivery, decision, request }: Arrived): Promise<Accepted[]> {
  return [await store.accept(delivery, decision, request)];
}

function shuffled<T>(values: readonly T[]): T[] {
  const keyed = values.map((value) => ({ value, key: randomBytes(4).readUInt32BE() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}
