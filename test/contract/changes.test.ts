// The connection that hears of changes, when it breaks.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { pino } from "pino";
import { Changes, changeChannel, notifyChanged } from "../../ci-server/adapters/postgres/changes.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../ci-server/adapters/postgres/embedded.ts";

describe("the connection that hears of changes", function () {
  this.timeout(60_000);
  let folder: string;
  let postgres: EmbeddedPostgres;
  let pool: Pool;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "changes-"));
    postgres = await startEmbeddedPostgres(folder);
    pool = new Pool(postgres.connection);
    pool.on("error", () => undefined);
  });

  after(async () => {
    await pool.end();
    await postgres.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it("is renewed, also where the database could not be started again at first", async () => {
    const again = Promise.withResolvers<void>();
    let tries = 0;
    const changes = new Changes(pool, pino({ level: "silent" }), async () => {
      tries += 1;
      if (tries < 3) throw new Error("the disk is full");
      again.resolve();
    });
    await changes.start();
    await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen ${changeChannel}'`);
    await again.promise;
    const woken = changes.next(7, 50_000, new AbortController().signal);
    // It listens a moment after the database has come back.
    const isOver = woken.then(() => true);
    while (!(await Promise.race([isOver, pool.query(notifyChanged, ["7"]).then(() => false)])));
    changes.stop();
  });
});
