// The activity list for those who look on: every change, in order, over connections that break and over several receivers.

import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { App } from "../../ci-server/app.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { sendDelivery } from "../../lab/send-delivery.ts";
import type { EventStream } from "../helpers/event-stream.ts";
import { LiveTester, logLines } from "../helpers/live-tester.ts";
import { webhookSecret } from "../helpers/tester.ts";

interface Item {
  readonly id: string;
  readonly kind: string;
  readonly repository: string;
  readonly title: string;
  readonly delivery: { readonly guid: string; readonly verdict: string; readonly reason: string } | null;
  readonly build: { readonly id: number; readonly result: string | null; readonly stage: string | null } | null;
}

describe("the activity that is looked at", function () {
  this.timeout(60_000);
  let ci: LiveTester;
  let second: App;
  let numbers = 0;
  before(async () => {
    ci = await LiveTester.start();
    second = await ci.receiver();
  });
  after(() => ci?.stop());

  async function item(stream: EventStream): Promise<Item> {
    const event = await stream.next();
    expect(event?.name).to.equal("activity");
    return JSON.parse(event?.data ?? "") as Item; // the API's format
  }

  /** The next one of the build that has this. */
  async function until(
    stream: EventStream,
    id: number,
    has: (build: NonNullable<Item["build"]>) => boolean,
  ): Promise<Item> {
    for (;;) {
      const next = await item(stream);
      if (next.build?.id === id && has(next.build)) return next;
    }
  }

  async function merge(app = ci.app, repository = "acme/shop"): Promise<{ guid: string; build: number | null }> {
    const sha = randomUUID().replaceAll("-", "").padEnd(40, "0");
    const branches = { branch: "topic", base: "main", baseSha: sha, headSha: sha, commits: [sha] as const };
    const payload = closedPullRequest({
      repository: { name: repository, defaultBranch: "main" },
      cloneUrl: `http://127.0.0.1:1/${repository}.git`,
      pullRequest: { number: ++numbers, title: "Fix the cart", ...branches },
      merge: { mergeCommitSha: sha },
    });
    const sent = await sendDelivery({ url: app.webhookUrl, secret: webhookSecret, event: "pull_request", payload });
    return { guid: sent.guid, ...(JSON.parse(sent.body) as { build: number | null }) };
  }

  it("tells what comes in, what becomes of it, and what is ignored, as the list has it", async () => {
    const stream = await ci.events("/events");
    const { guid, build } = await merge();
    const came = await item(stream);
    expect(came).to.deep.include({ kind: "delivery", repository: "acme/shop", title: `#${numbers} Fix the cart` });
    expect([came.delivery?.guid, came.build?.id, came.build?.stage]).to.deep.equal([guid, build, "queued"]);
    const at = { buildId: build ?? 0, attempt: 1 };
    await ci.store.begin(at.buildId);
    await ci.store.stageStarted(at, "fetch");
    expect((await until(stream, at.buildId, ({ stage }) => stage === "fetch")).id).to.equal(came.id);
    await ci.store.appendLog(at, logLines(1, 50));
    await ci.finish(at, "failure");
    const ended = await until(stream, at.buildId, ({ result }) => result === "failure");
    const list = (await (await ci.api("/activity?limit=1")).json()) as { items: Item[] };
    expect(list.items[0]).to.deep.equal(ended);
    const ignored = await merge(ci.app, "acme/unknown");
    const skipped = await item(stream);
    expect([skipped.delivery?.guid, skipped.delivery?.verdict, skipped.build]).to.deep.equal([
      ignored.guid,
      "skip",
      null,
    ]);
    expect(skipped.id).not.to.equal(ended.id);
    stream.close();
  });

  it("tells a change of whatever process to the viewers of every receiver", async () => {
    const streams = [await ci.events("/events"), await ci.events("/events", { app: second })];
    const ids: (number | null)[] = [];
    for (const app of [ci.app, second, ci.app]) ids.push((await merge(app)).build);
    ids.push(await ci.request());
    for (const stream of streams) {
      const seen: (number | undefined)[] = [];
      while (seen.length < ids.length) seen.push((await item(stream)).build?.id);
      expect(seen).to.deep.equal(ids);
      stream.close();
    }
  });

  it("goes on after the last id, at whichever receiver, and leaves nothing out", async () => {
    const first = await ci.events("/events");
    const before = await ci.request();
    await until(first, before, () => true);
    const { lastId } = first;
    first.close();
    const missed = [await ci.request(), await ci.request(), await ci.request("acme/cart")];
    await ci.store.cancel(missed[0] ?? 0, "cancelled by hand");
    for (const app of [ci.app, second]) {
      const stream = await ci.events("/events", { lastId, app });
      const items = [await item(stream), await item(stream), await item(stream)];
      // In the order of their last change, each as it is now.
      expect(items.map(({ build }) => build?.id)).to.deep.equal([missed[1], missed[2], missed[0]]);
      expect(items[2]?.build?.result).to.equal("cancellation");
      stream.close();
    }
    // Whoever has only some of them has the others once more.
    const stream = await ci.events("/events", { lastId });
    await item(stream);
    const { lastId: middle } = stream;
    stream.close();
    const again = await ci.events("/events", { lastId: middle });
    expect((await until(again, missed[0] ?? 0, () => true)).build?.result).to.equal("cancellation");
    again.close();
  });

  it("can be gone on with before anything has happened", async () => {
    const stream = await ci.events("/events");
    const reading = stream.next();
    while (stream.lastId === "") await new Promise(setImmediate);
    const { lastId } = stream;
    stream.close();
    await reading.catch(() => null);
    const id = await ci.request();
    const again = await ci.events("/events", { lastId });
    expect((await item(again)).build?.id).to.equal(id);
    again.close();
  });

  it("loses no change of a transaction that began before others and ends after them", async () => {
    const stream = await ci.events("/events");
    const [slow, quick] = [await ci.request(), await ci.request()];
    await until(stream, quick, () => true);
    const client = await ci.opened.pool.connect();
    await client.query("begin");
    await client.query("update build set result = 'error', finished_at = now() where id = $1", [slow]);
    await ci.store.cancel(quick, "cancelled by hand");
    // It is not held up by the other one.
    await until(stream, quick, ({ result }) => result === "cancellation");
    const { lastId } = stream;
    await client.query("commit");
    client.release();
    await until(stream, slow, ({ result }) => result === "error");
    stream.close();
    const again = await ci.events("/events", { lastId, app: second });
    await until(again, slow, ({ result }) => result === "error");
    again.close();
  });

  it("is of one repository where one is asked for", async () => {
    const stream = await ci.events("/events?repository=ACME/cart");
    await ci.request();
    const cart = await ci.request("acme/cart");
    expect((await item(stream)).build?.id).to.equal(cart);
    const { lastId } = stream;
    stream.close();
    await ci.request();
    const next = await ci.request("acme/cart");
    const again = await ci.events("/events?repository=acme/cart", { lastId });
    expect((await item(again)).build?.id).to.equal(next);
    again.close();
  });

  it("says reset to whoever was away for too long, or has never been here, and goes on from now", async () => {
    const start = await ci.opened.activityChanges.position();
    await ci.opened.pool.query("insert into change (build_id) select 1 from generate_series(1, 25000)");
    await ci.store.sweepLedger(new AbortController().signal);
    for (const lastId of [start, "of another program"]) {
      const stream = await ci.events("/events", { lastId });
      const reset = await stream.next();
      expect(reset?.name).to.equal("reset");
      expect(reset?.id).not.to.equal(lastId);
      const id = await ci.request();
      await until(stream, id, () => true);
      stream.close();
    }
  });
});
