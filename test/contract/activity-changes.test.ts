// What core/ports/activity-changes.ts promises: no change is left out, however transactions overlap, and positions hold everywhere.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import type { PoolClient } from "pg";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import type { Delivery } from "../../ci-server/core/delivery.ts";
import type { ActivityChanges, Changed } from "../../ci-server/core/ports.ts";
import { acceptDelivery } from "../../ci-server/flows/accept-delivery.ts";
import { exampleAbout } from "../helpers/example-about.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { examplePullRequest } from "../helpers/example-pull-request.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const never = new AbortController().signal;

describe("changes of the activity on PostgreSQL", function () {
  this.timeout(60_000);
  let folder: string;
  let opened: OpenPostgres;
  let changes: ActivityChanges;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "changes-"));
    opened = await openPostgres(examplePostgres(folder, { limits: { perRepositoryMax: 100_000, inAllMax: 100_000 } }));
    changes = opened.activityChanges;
  });
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  function request(): Promise<number> {
    const rest = { sha: null, ref: "main", service: null, version: "1", pullRequest: null, deliveryGuid: null };
    return opened.store.request({ repository: "acme/shop", trigger: "manual", ...rest }, null);
  }

  async function since(position: string): Promise<readonly string[] | null> {
    return (await changes.since(position, null)).ids;
  }

  it("name what was asked for, begun, cancelled and ended, and nothing for a line of a log", async () => {
    const start = await changes.position();
    const id = await request();
    const at = { buildId: id, attempt: 1 };
    const steps: (() => Promise<unknown>)[] = [
      () => opened.store.begin(id),
      () => opened.store.resolveSha(at, "a".repeat(40)),
      () => opened.store.stageStarted(at, "fetch"),
      () => opened.store.stageEnded(at, { stage: "fetch", ms: 5, result: "success" }),
      () => opened.store.recordPlan(at, { services: [], rule: null, refusal: "nothing to do", setting: null }),
      () => opened.store.finish(at, { result: "skip", failure: null, images: [] }),
    ];
    expect(await since(start)).to.deep.equal([`b${id}`]);
    for (const step of steps) {
      const position = await changes.position();
      const woken = changes.changed(120_000, never);
      await step();
      await woken;
      expect(await since(position), String(step)).to.deep.equal([`b${id}`]);
    }
    const other = await request();
    await opened.store.begin(other);
    const asked = await request();
    const position = await changes.position();
    await opened.store.cancel(asked, "cancelled by hand");
    expect(await since(position)).to.deep.equal([`b${asked}`]);
    const after = await changes.position();
    const line = {
      seq: 1,
      at: new Date(),
      stage: "build",
      service: null,
      step: null,
      stream: null,
      text: "x",
    } as const;
    await opened.store.appendLog({ buildId: other, attempt: 1 }, [line]);
    expect(await since(after)).to.deep.equal([]);
  });

  it("name a delivery that nothing is built of, and the build where one is", async () => {
    const taking = { store: opened.store, repositories: [exampleRepository()] };
    const deliver = async (merged: boolean) => {
      const position = await changes.position();
      const woken = changes.changed(120_000, never);
      const accepted = await acceptDelivery(taking, closed(merged));
      await woken;
      return { accepted, ids: await since(position) };
    };
    const built = await deliver(true);
    expect(built.ids).to.deep.equal([`b${built.accepted.buildId}`]);
    const { accepted, ids } = await deliver(false);
    const entry = await opened.store.delivery(accepted.guid);
    expect([entry?.verdict, ids]).to.deep.equal(["skip", [`d${entry?.id}`]]);
  });

  it("leave nothing out and give nothing twice, in whatever order transactions begin, note and commit", async () => {
    const steps = fc.array(fc.tuple(fc.nat(3), fc.constantFrom("note", "commit", "rollback", "read")), {
      maxLength: 40,
    });
    const clients: PoolClient[] = [];
    for (let index = 0; index < 4; index += 1) clients.push(await opened.pool.connect());
    try {
      let next = 1_000_000;
      await fc.assert(
        fc.asyncProperty(steps, async (all) => {
          const noted: string[][] = clients.map(() => []);
          const committed: string[] = [];
          const seen: string[] = [];
          let position = await changes.position();
          const read = async () => {
            const found: Changed = await changes.since(position, null);
            position = found.position;
            seen.push(...(found.ids ?? ["lost"]));
          };
          const end = async (index: number, how: string) => {
            await clients[index]?.query(how);
            if (how === "commit") committed.push(...(noted[index] ?? []));
            noted[index] = [];
          };
          for (const [index, what] of all) {
            if (what === "read") await read();
            else if (what === "note") {
              if (noted[index]?.length === 0) await clients[index]?.query("begin");
              await clients[index]?.query("insert into change (build_id) values ($1)", [++next]);
              noted[index]?.push(`b${next}`);
            } else if (noted[index]?.length !== 0) await end(index, what);
          }
          for (const index of clients.keys()) if (noted[index]?.length !== 0) await end(index, "commit");
          await read();
          expect(seen.toSorted()).to.deep.equal(committed.toSorted());
        }),
        { numRuns: 60 },
      );
    } finally {
      for (const client of clients) client.release();
    }
  });

  it("are given up to another position, and from a later one to an earlier one there are none", async () => {
    const start = await changes.position();
    const first = await request();
    const middle = await changes.position();
    const second = await request();
    const end = await changes.position();
    expect(await changes.since(start, middle)).to.deep.equal({ position: middle, ids: [`b${first}`] });
    expect(await changes.since(middle, end)).to.deep.equal({ position: end, ids: [`b${second}`] });
    expect(await changes.since(end, middle)).to.deep.equal({ position: middle, ids: [] });
  });

  it("say that they are too many, and that a position is none or of another server", async () => {
    const start = await changes.position();
    await opened.pool.query("insert into change (build_id) select 2000000 + n from generate_series(1, 101) n");
    expect(await since(start)).to.equal(null);
    const positions = ["", "x", "1", "5:4:", "3:5:9", "3:5:4,3", "99999999999:99999999999:", "1:2:3:4", "0:0:"];
    for (const position of positions) expect(await since(position), position).to.equal(null);
  });

  it("are kept in a ring, and a position that is older than it is told so", async () => {
    const start = await changes.position();
    const fill = (first: number) =>
      opened.pool.query(`insert into change (build_id) select ${first} from generate_series(1, 15000)`);
    await fill(3_000_001);
    const middle = await changes.position();
    await fill(3_000_002);
    // Of another server, whose database was put in here: it would be the newest for ever.
    await opened.pool.query("insert into change (xid, build_id) values ('99999999999', 1)");
    await opened.store.sweepLedger(never);
    const { rows } = await opened.pool.query(
      "select count(*)::int as count, max(xid::text::bigint) as last from change",
    );
    expect(rows[0].count).to.be.within(15_000, 20_000);
    expect(Number(rows[0].last)).to.be.below(99_999_999_999);
    expect(await since(start)).to.equal(null);
    const last = await changes.position();
    expect(await since(last)).to.deep.equal([]);
    const id = await request();
    expect(await since(last)).to.deep.equal([`b${id}`]);
    expect((await changes.since(middle, last)).ids).to.equal(null);
  });
});

/** A pull request that was closed, merged or not. */
function closed(merged: boolean): Delivery {
  const of = { kind: "pull_request", action: "closed", repository: "acme/shop", repositoryId: 1 } as const;
  const rest = { forge: "github", name: "pull_request", hookId: null, headers: {}, secretId: "0123abcd" };
  const event = { ...of, about: exampleAbout, pullRequest: examplePullRequest({ merged }) };
  return { guid: randomUUID(), ...rest, event, body: Buffer.from(String(merged)) };
}
