// What core/ports.ts promises of Store.lock: one at a time over all processes, and nobody holds it who is no more.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import type { Lease, Store } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { fails } from "../helpers/failure.ts";

const never = new AbortController().signal;

describe("Store.lock on PostgreSQL", function () {
  this.timeout(60_000);
  let folder: string;
  let url: string;
  let one: OpenPostgres;
  /** As another process has it; its pool is as small as a pool can be. */
  let other: OpenPostgres;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "locks-"));
    one = await openPostgres(examplePostgres(folder));
    url = `postgres://mergedock@${encodeURIComponent(folder)}/postgres`;
    other = await openPostgres(examplePostgres(folder, { url, connectionsMax: 6 }));
  });
  after(async () => {
    await other?.close();
    await one?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Holds the lock until told to let it go. */
  async function hold(store: Store, name: string): Promise<{ lock: Lease; done: Promise<void>; letGo: () => void }> {
    const held = Promise.withResolvers<Lease>();
    const end = Promise.withResolvers<void>();
    const done = store.lock(name, never, (lock) => {
      held.resolve(lock);
      return end.promise;
    });
    done.catch(held.reject);
    return { lock: await held.promise, done, letGo: end.resolve };
  }

  it("lets one work at a time under a name, in whichever process, and nobody wait who uses another", async () => {
    let working = 0;
    const seen: number[] = [];
    const work = async () => {
      seen.push(++working);
      await one.pool.query("select pg_sleep(0.01)");
      working -= 1;
      return working;
    };
    const stores = Array.from({ length: 12 }, (_none, index) => (index % 2 === 0 ? one.store : other.store));
    const returned = await Promise.all(stores.map((store) => store.lock("busy", never, work)));
    expect([seen, returned]).to.deep.equal([Array(12).fill(1), Array(12).fill(0)]);
    const { done, letGo } = await hold(one.store, "mine");
    expect(await other.store.lock("another", never, async () => "free")).to.equal("free");
    letGo();
    await done;
  });

  it("leaves connections for those who hold one, however many want one", async () => {
    const work = () => other.pool.query("select 1");
    const names = Array.from({ length: 30 }, (_none, index) => `name ${index}`);
    await Promise.all(names.map((name) => other.store.lock(name, never, work)));
  });

  it("throws what the work throws, and is free again", async () => {
    const failing = one.store.lock("failing", never, async () => {
      throw new AppError("conflict", "tag_exists");
    });
    await fails(failing, "conflict", "tag_exists");
    expect(await other.store.lock("failing", never, async () => 1)).to.equal(1);
  });

  it("stops waiting when told to, here and for another process", async () => {
    const { done, letGo } = await hold(one.store, "taken");
    for (const { store } of [one, other]) {
      const giveUp = new AbortController();
      const waiting = store.lock("taken", giveUp.signal, async () => "never");
      setTimeout(() => giveUp.abort(new Error("enough")), 20);
      expect(await waiting.catch((error: Error) => error.message)).to.equal("enough");
    }
    letGo();
    await done;
  });

  it("tells the work that its lock was lost", async () => {
    const { lock, done, letGo } = await hold(one.store, "lost");
    await lock.confirm();
    const aborted = once(lock.signal, "abort");
    await other.pool.query(
      "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and pid <> pg_backend_pid()",
    );
    await aborted;
    await fails(lock.confirm(), "unavailable", 'the lock "lost" was lost');
    letGo();
    await fails(done, "unavailable", "the database cannot be used");
  });

  it("is taken from a process that is frozen, and from none that works for long", async () => {
    const { lock, done, letGo } = await hold(one.store, "long work");
    const holder = spawn(process.execPath, [join(import.meta.dirname, "../helpers/lock-holder.ts"), url, "frozen"]);
    try {
      await once(holder.stdout, "data");
      holder.kill("SIGSTOP");
      const startedMs = performance.now();
      await other.store.lock("frozen", never, async () => undefined);
      expect(performance.now() - startedMs).to.be.lessThan(15_000);
      await sleep(Math.max(0, 14_000 - (performance.now() - startedMs)));
      await lock.confirm();
      letGo();
      await done;
    } finally {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    }
  });
});
