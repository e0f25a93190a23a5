// What becomes of a database of the version before: its builds and deliveries are kept, and are known for what they were.

import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { Client, type ClientConfig } from "pg";
import { startEmbeddedPostgres } from "../../ci-server/adapters/postgres/embedded.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { createReconcileStore } from "../../ci-server/adapters/postgres/reconcile.ts";
import { createReportStore } from "../../ci-server/adapters/postgres/reports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";

const migrations = "ci-server/adapters/postgres/migrations";
const sha = randomBytes(20).toString("hex");

describe("a database of the version before", () => {
  let folder: string;
  let opened: OpenPostgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "migrate-"));
    const before = await startEmbeddedPostgres(folder);
    try {
      await fill(before.connection);
    } finally {
      await before.stop();
    }
    opened = await openPostgres(examplePostgres(folder));
  });
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("has its merges known to those who look for what did not arrive", async () => {
    const state = createReconcileStore(opened.pool);
    expect(await state.mergesBuilt("ACME/shop", [sha])).to.deep.equal(new Map([[sha, 3]]));
    expect(await state.hooksSeen("acme/shop")).to.deep.equal(["77"]);
    expect([...(await state.pullRequestsSeen("acme/shop", [7, 8]))]).to.deep.equal([7]);
    expect(await state.lastMerge("acme/shop", "main")).to.equal(sha);
  });

  it("has nothing that its forge is told of, though a build of it waits", async () => {
    const store = createReportStore(opened.pool);
    expect(await store.takeUp({ kindsOf: () => ["status"], hoursMax: 24, limit: 100 })).to.equal(0);
    expect(await store.claim(60)).to.equal(null);
    expect((await opened.store.delivery("before"))?.origin).to.equal("webhook");
  });
});

/** As version 12 has left it: a merge that was built, and one build that waits. */
async function fill(connection: ClientConfig): Promise<void> {
  const client = new Client(connection);
  await client.connect();
  try {
    await client.query("create table schema_migration (name text primary key, at timestamptz default now())");
    const files = (await readdir(migrations)).filter((name) => name < "0013").sort();
    for (const name of files) {
      await client.query(await readFile(join(migrations, name), "utf8"));
      await client.query("insert into schema_migration (name) values ($1)", [name]);
    }
    await client.query(
      `insert into build (repository, trigger, sha, ref, repository_id, pull_request_number, pull_request, delivery_guid, attempts, result, finished_at)
       values ('acme/shop', 'pull_request', $1, 'main', 1, 7, '{"number": 7, "commits": 3}', 'before', 1, 'success', now()),
         ('acme/shop', 'manual', $1, 'main', null, null, null, null, 0, null, null)`,
      [sha],
    );
    await client.query(
      `insert into delivery (guid, forge, name, action, repository, hook_id, body, body_digest, body_bytes, verdict, reason, rules, build_id, headers, secret_id)
       values ('before', 'github', 'pull_request', 'closed', 'acme/shop', '77', '', '', 0, 'build', 'merged', '[]', 1, '{}', 'x')`,
    );
  } finally {
    await client.end();
  }
}
