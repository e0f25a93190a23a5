// What core/ports.ts promises of sweepLedger: the ledger stays within its limits, and what it forgets is not built again.

import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createStore } from "../../ci-server/adapters/postgres/store.ts";
import type { Delivery, LedgerLimits, PullRequestEvent } from "../../ci-server/core/delivery.ts";
import type { Accepted, Store } from "../../ci-server/core/ports.ts";
import { acceptDelivery } from "../../ci-server/flows/accept-delivery.ts";
import { startSweeping } from "../../ci-server/flows/sweep-ledger.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const never = new AbortController().signal;
const unlimited: LedgerLimits = { daysMax: 36_500, bytesMax: 2 ** 50 };
const shop = exampleRepository();

describe("the ledger's limits on PostgreSQL", () => {
  let folder: string;
  let opened: OpenPostgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "retention-"));
    opened = await openPostgres(examplePostgres(folder, { limits: { perRepositoryMax: 100, inAllMax: 100 } }));
  });
  afterEach(() => opened.pool.query("truncate delivery, idempotency_key"));
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The same database under other limits; what its sweep needs of a store, it has. */
  function limited(limits: Partial<LedgerLimits>): Store {
    const { pool } = opened;
    return createStore({ pool, ledgerLimits: { ...unlimited, ...limits } } as Parameters<typeof createStore>[0]);
  }

  function accept(one: Delivery): Promise<Accepted> {
    return acceptDelivery({ store: opened.store, repositories: [shop] }, one);
  }

  async function guids(): Promise<string[]> {
    const page = { repository: null, verdict: null, before: null, limit: 100 };
    return (await opened.store.deliveries(page)).map(({ guid }) => guid);
  }

  async function stored(count: number, bodyBytes = 4): Promise<string[]> {
    const ones = Array.from({ length: count }, () => other(randomBytes(bodyBytes)));
    for (const one of ones) await accept(one);
    return ones.map(({ guid }) => guid);
  }

  function age(guid: string, days: number): Promise<unknown> {
    const sql = "update delivery set received_at = now() - make_interval(days => $2) where guid = $1";
    return opened.pool.query(sql, [guid, days]);
  }

  it("removes deliveries that are too old, and no others", async () => {
    const [old = "", young = "", today] = await stored(3);
    await age(old, 91);
    await age(young, 89);
    expect(await limited({ daysMax: 90 }).sweepLedger(never)).to.equal(1);
    expect(await guids()).to.deep.equal([today, young]);
    expect([await opened.store.delivery(old), await opened.store.deliveryBody(old)]).to.deep.equal([null, null]);
    expect(await limited({ daysMax: 90 }).sweepLedger(never)).to.equal(0);
  });

  it("removes the oldest until the others fit, counting what is stored of them", async () => {
    const all = await stored(10, 10_000);
    const { rows } = await opened.pool.query(
      "select min(stored_bytes) as least, max(stored_bytes) as most from delivery",
    );
    expect(rows[0].least).to.be.greaterThan(10_000);
    const store = limited({ bytesMax: 3 * rows[0].most });
    expect(await store.sweepLedger(never)).to.equal(7);
    expect(await guids()).to.deep.equal(all.slice(7).reverse());
    expect(await store.sweepLedger(never)).to.equal(0);
  });

  it("counts small deliveries too, of which the body is the least part", async () => {
    await stored(20, 1);
    const { rows } = await opened.pool.query("select sum(octet_length(body))::int as bodies from delivery");
    expect(await limited({ bytesMax: rows[0].bodies }).sweepLedger(never)).to.be.greaterThan(10);
  });

  it("sums up from the index alone, whatever the bodies weigh", async () => {
    await stored(5, 50_000);
    const client = await opened.pool.connect();
    try {
      await client.query("vacuum analyze delivery");
      await client.query("set enable_seqscan = off");
      const { rows } = await client.query("explain select sum(stored_bytes) from delivery");
      expect(JSON.stringify(rows)).to.contain("Index Only Scan using delivery_stored");
    } finally {
      client.release(true);
    }
  });

  it("works through more than one statement may remove, and again when several sweep at once", async () => {
    const sql = `insert into delivery (guid, forge, name, received_at, body, body_digest, verdict, reason, rules)
      select gen_random_uuid(), 'github', 'push', now() - interval '100 days', '', '', 'skip', 'no', '[]' from generate_series(1, 2500)`;
    await opened.pool.query(sql);
    expect(await limited({ daysMax: 90 }).sweepLedger(never)).to.equal(2_500);
    const kept = await stored(4, 10_000);
    await opened.pool.query(sql);
    const { rows } = await opened.pool.query("select max(stored_bytes) as most from delivery");
    const stores = Array.from({ length: 4 }, () => limited({ daysMax: 90, bytesMax: 4 * rows[0].most }));
    for (;;) if (sum(await Promise.all(stores.map((store) => store.sweepLedger(never)))) === 0) break;
    expect(await guids()).to.deep.equal(kept.reverse());
  });

  it("removes idempotency keys of the same age: then the key is a new one", async () => {
    const request = { repository: "acme/shop", trigger: "manual", sha: null, ref: "main" } as const;
    const ask = (version: string) =>
      opened.store.request({ ...request, service: "shop", version, pullRequest: null, deliveryGuid: null }, "key");
    const first = await ask("1");
    await limited({ daysMax: 90 }).sweepLedger(never);
    expect(await ask("1")).to.equal(first);
    await opened.pool.query("update idempotency_key set created_at = now() - interval '91 days'");
    await limited({ daysMax: 90 }).sweepLedger(never);
    expect(await ask("2")).to.be.greaterThan(first);
  });

  it("T4: leaves the builds, so that a merge that is delivered again long after is not built again", async () => {
    const one = merged(7);
    const { buildId, verdict } = await accept(one);
    expect(verdict).to.equal("build");
    await age(one.guid, 91);
    expect(await limited({ daysMax: 90 }).sweepLedger(never)).to.equal(1);
    expect(await opened.store.build(buildId ?? 0)).to.include({ id: buildId, deliveryGuid: one.guid });
    for (const late of [one, merged(7)]) {
      const answer = await accept(late);
      expect(answer).to.include({ verdict: "skip", buildId });
      expect(answer.reason).to.contain(`it is build ${buildId} already`);
    }
  });

  it("stops at once, and leaves the rest where it is", async () => {
    const [old = ""] = await stored(1);
    await age(old, 91);
    const stopped = await limited({ daysMax: 90 })
      .sweepLedger(AbortSignal.abort())
      .catch((error: Error) => error.name);
    expect(stopped).to.equal("AbortError");
    expect(await guids()).to.deep.equal([old]);
  });
});

describe("the sweeping of a server", () => {
  it("begins at once, goes on after trouble, and stops when it is told to", async () => {
    const outcomes: unknown[] = [];
    const enough = Promise.withResolvers<void>();
    const answers = [() => Promise.resolve(3), () => Promise.reject(new Error("away")), () => Promise.resolve(0)];
    const stop = startSweeping({
      store: { sweepLedger: () => answers.shift()?.() ?? Promise.resolve(0) },
      clock: {
        now: () => new Date(),
        monotonicMs: () => 0,
        sleep: (_ms, signal) => (answers.length > 0 ? Promise.resolve() : untilAborted(signal)),
      },
      report: (outcome) => {
        outcomes.push("error" in outcome ? (outcome.error as Error).message : outcome.removed);
        if (outcomes.length === 3) enough.resolve();
      },
    });
    await enough.promise;
    await stop();
    expect(outcomes).to.deep.equal([3, "away", 0]);
  });
});

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((_resolve, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason));
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function other(body: Uint8Array): Delivery {
  return delivery({ event: { kind: "other", repository: "acme/shop", action: null }, body });
}

function merged(number: number): Delivery {
  const event: PullRequestEvent = {
    ...{ kind: "pull_request", action: "closed", repository: "acme/shop", repositoryId: 1 },
    about: exampleAbout,
    pullRequest: examplePullRequest({ number }),
  };
  return delivery({ event, body: Buffer.from(String(number)) });
}

function delivery(known: Pick<Delivery, "event" | "body">): Delivery {
  const rest = { forge: "github", name: "pull_request", hookId: null, headers: {}, secretId: "0123abcd" };
  return { guid: randomUUID(), ...rest, ...known };
}
