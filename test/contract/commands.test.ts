// What core/ports/commands.ts promises of CommandStore, on PostgreSQL.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createAccounts } from "../../ci-server/adapters/postgres/accounts.ts";
import { type OpenPostgres, openPostgres } from "../../ci-server/adapters/postgres/open.ts";
import { decide } from "../../ci-server/core/decide.ts";
import { commandKey } from "../../ci-server/core/decide-comment.ts";
import type { CommentEvent, Delivery } from "../../ci-server/core/delivery.ts";
import type { CommandJob, CommandStore } from "../../ci-server/core/ports.ts";
import { examplePostgres } from "../helpers/example-postgres.ts";
import { exampleRepository } from "../helpers/example-repository.ts";

const shop = exampleRepository({ commands: true });
const { signal } = new AbortController();
const audit = { actor: "github:octocat", action: "rebuild", target: "pull request #42", detail: {} } as const;

describe("commands in comments on PostgreSQL", () => {
  let folder: string;
  let opened: OpenPostgres;
  let commands: CommandStore;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "commands-"));
    opened = await openPostgres(examplePostgres(folder));
    commands = opened.commands;
  });
  afterEach(() => opened.pool.query("truncate comment_command, delivery, audit_entry restart identity"));
  after(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });

  let ids = 0;
  function commented(change: Partial<CommentEvent> = {}): Delivery {
    const event: CommentEvent = {
      ...{ kind: "comment", action: "created", repository: "acme/shop", repositoryId: 5, number: 42, isMerged: true },
      ...{ commentId: String(++ids), commentedAt: new Date(), author: "octocat", isBot: false },
      ...{ body: "/mergedock rebuild cart --no-cache", ...change },
    };
    return {
      ...{
        guid: randomUUID(),
        forge: "github",
        name: "issue_comment",
        hookId: null,
        event,
        headers: {},
        secretId: "s",
      },
      body: Buffer.from(JSON.stringify(event)),
    };
  }

  async function take(delivery = commented()): Promise<string> {
    await opened.store.accept(delivery, decide(delivery.event, [shop], delivery), null);
    return delivery.guid;
  }

  async function claim(): Promise<CommandJob> {
    const job = await commands.claim(60);
    if (job === null) throw new Error("no command is due");
    return job;
  }

  const lapse = () => opened.pool.query("update comment_command set due_at = now() - interval '1 second'");
  const done = { state: "done", reason: "it was done", rules: [] } as const;
  const left = async () => (await opened.pool.query("select from comment_command")).rowCount;

  it("are stored with their delivery, and given out as they were written", async () => {
    const delivery = commented({ commentId: "99999999999" });
    await take(delivery);
    const { commentedAt, ...job } = await claim();
    expect(job).to.deep.equal({
      ...{ id: 1, forge: "github", repository: "acme/shop", repositoryId: 5, commentId: "99999999999", attempts: 1 },
      ...{ pullRequest: 42, author: "octocat", deliveryGuid: delivery.guid },
      command: { name: "rebuild", service: "cart", noCache: true },
    });
    expect(commentedAt).to.deep.equal(delivery.event.kind === "comment" ? delivery.event.commentedAt : null);
  });

  it("are one for each comment, whatever deliveries bring it", async () => {
    const first = commented();
    const renamed = { ...first, guid: randomUUID() };
    await Promise.all([take(commented()), take(first), take(first), take(renamed)]);
    await take(first);
    await take({ ...first, guid: randomUUID() });
    expect(await left()).to.equal(2);
    expect((await opened.pool.query("select from delivery")).rowCount).to.equal(4);
  });

  it("are one for each comment of two servers that number repositories and comments alike", async () => {
    const there = exampleRepository({ name: "acme/there", commands: true });
    for (const repository of ["acme/shop", "acme/there"]) {
      const delivery = commented({ repository, repositoryId: 1, commentId: "1" });
      await opened.store.accept(delivery, decide(delivery.event, [shop, there], delivery), null);
    }
    const [first, second] = [await claim(), await claim()];
    expect([first.repository, second.repository]).to.deep.equal(["acme/shop", "acme/there"]);
    await commands.end(first, done);
    expect(await commands.count(second)).to.deep.equal({ byAuthor: 0, obeyed: 0 });
    expect(commandKey(first)).to.not.equal(commandKey(second));
  });

  it("are none where the rules take none up", async () => {
    for (const change of [{ body: "LGTM" }, { isBot: true }, { isMerged: false }, { repository: "acme/other" }])
      await take(commented(change));
    expect(await left()).to.equal(0);
    expect(await commands.nextDueMs()).to.equal(null);
  });

  it("wake who waits for them", async () => {
    const waiting = commands.changed(600_000, signal);
    await take();
    await waiting;
  });

  it("are given to one at a time, oldest first", async () => {
    await Promise.all(Array.from({ length: 10 }, () => take()));
    expect((await claim()).id).to.equal(1);
    const claimed = await Promise.all(Array.from({ length: 9 }, claim));
    expect(claimed.map(({ id }) => id).toSorted((a, b) => a - b)).to.deep.equal([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(await commands.claim(60)).to.equal(null);
    expect(await commands.nextDueMs()).to.be.within(50_000, 60_000);
  });

  it("are given to somebody else when who had it has died, who then changes nothing any more", async () => {
    const guid = await take();
    const dead = await claim();
    await lapse();
    const job = await claim();
    expect(job).to.deep.equal({ ...dead, attempts: 2 });
    await commands.end(dead, { ...done, state: "failed", reason: "too late" });
    await commands.postpone(dead, "too late", 0);
    expect(await commands.claim(60)).to.equal(null);
    await commands.end(job, done);
    await commands.end(job, { ...done, reason: "twice" });
    await lapse();
    expect(await commands.claim(60)).to.equal(null);
    expect((await opened.store.delivery(guid))?.reason).to.equal("it was done");
  });

  it("say in the ledger what became of them, and whoever looks on hears of it", async () => {
    const guid = await take();
    const before = (await opened.store.delivery(guid))?.rules ?? [];
    const { rows } = await opened.pool.query<{ id: string }>("select id from delivery");
    await opened.pool.query("truncate change");
    const rule = { rule: "write access", passed: false, saw: "read" };
    await commands.end(await claim(), { state: "refused", reason: "may not write", rules: [rule] });
    const entry = await opened.store.delivery(guid);
    expect(entry).to.include({ reason: "may not write", verdict: "skip" });
    expect(entry?.rules).to.deep.equal([...before, rule]);
    const noted = await opened.pool.query<{ id: string }>("select delivery_id as id from change");
    expect(noted.rows).to.deep.equal(rows);
  });

  it("are tried again after a while", async () => {
    await take();
    const job = await claim();
    await commands.postpone(job, "no answer", 7_000);
    expect(await commands.nextDueMs()).to.be.within(6_000, 7_000);
    expect(await commands.claim(60)).to.equal(null);
  });

  it("are counted by author, and as far as they were obeyed, of one pull request within an hour", async () => {
    for (const change of [{}, { author: "ada" }, {}, { number: 43 }, {}]) await take(commented(change));
    const jobs = [await claim(), await claim(), await claim(), await claim(), await claim()];
    const [first, ada, , other, last] = jobs as [CommandJob, CommandJob, CommandJob, CommandJob, CommandJob];
    expect(await commands.count(first)).to.deep.equal({ byAuthor: 0, obeyed: 0 });
    expect(await commands.count(last)).to.deep.equal({ byAuthor: 2, obeyed: 0 });
    await commands.end(ada, done);
    await commands.end(other, done);
    expect(await commands.count(last)).to.deep.equal({ byAuthor: 2, obeyed: 1 });
    await opened.pool.query("update comment_command set created_at = now() - interval '61 minutes' where id < 5");
    expect(await commands.count(last)).to.deep.equal({ byAuthor: 0, obeyed: 0 });
  });

  it("know the build that they led to, which stands in the audit once", async () => {
    await take();
    const job = await claim();
    const manual = {
      repository: "acme/shop",
      trigger: "manual",
      sha: "a".repeat(40),
      ref: "main",
      service: null,
    } as const;
    const pullRequest = { number: 42, title: "t", url: "u", author: "a", mergedBy: null };
    expect([await commands.buildOf("key"), await commands.newestBuild(job)]).to.deep.equal([null, null]);
    const request = { ...manual, version: null, pullRequest, deliveryGuid: null };
    const build = await opened.store.replay(request, 5, "key");
    expect(await opened.store.replay(request, 5, "key")).to.equal(build);
    expect([await commands.buildOf("key"), await commands.newestBuild(job)]).to.deep.equal([build, build]);
    await commands.built(job, build, audit, 100);
    await commands.built(job, build, audit, 100);
    const entries = await createAccounts(opened.pool).audit({ before: null, limit: 9 });
    expect(entries.map(({ actor }) => actor)).to.deep.equal(["github:octocat"]);
  });

  it("are forgotten for their age, once they have ended", async () => {
    await take();
    await take();
    await commands.end(await claim(), done);
    expect(await commands.forget(1)).to.equal(0);
    await opened.pool.query("update comment_command set ended_at = ended_at - interval '25 hours'");
    expect(await commands.forget(1)).to.equal(1);
    expect(await left()).to.equal(1);
  });
});
