// The fake GitHub's hooks: what they are sent, and what is kept of each attempt.

import { createHmac } from "node:crypto";
import { expect } from "chai";
import { type FakeReceiver, startFakeReceiver } from "../fakes/receiver.ts";
import { FakeGithubTester, type Fields } from "../helpers/fake-github-tester.ts";

type Json = Readonly<Record<string, unknown>>;

const secret = "the secret of the hook";
const dayMs = 24 * 3_600_000;

describe("the fake GitHub's hooks", () => {
  let fake: FakeGithubTester;
  let receiver: FakeReceiver;
  beforeEach(async () => {
    [fake, receiver] = await Promise.all([FakeGithubTester.start(), startFakeReceiver()]);
  });
  afterEach(async () => {
    await Promise.all([receiver.stop(), fake.stop()]);
  });

  const deliveries = async (id: number, query = "") => (await fake.ask(`GET /hooks/${id}/deliveries${query}`)).list;

  it("are pinged when they are made, and then told of all that happens, signed", async () => {
    await fake.addHook(`${receiver.url}/hook`, ["*"]);
    const pull = await fake.open();
    await pull.push({ files: { "b.txt": "b\n" }, message: "Add b" });
    await pull.merge("rebase");
    await fake.github.comment("acme/shop", pull.number, "octocat", "nice");
    const told = receiver.received.map(({ headers, body }) => [headers["x-github-event"], JSON.parse(body).action]);
    expect(told.filter(([event]) => event !== "push")).to.deep.equal([
      ["ping", undefined],
      ["pull_request", "opened"],
      ["pull_request", "synchronize"],
      ["pull_request", "closed"],
      ["issue_comment", "created"],
    ]);
    expect(told).to.deep.include(["push", undefined]);
    for (const { headers, body } of receiver.received) {
      const mac = (hash: string) => createHmac(hash, secret).update(body).digest("hex");
      expect(headers["x-hub-signature-256"]).to.equal(`sha256=${mac("sha256")}`);
      expect(headers["x-hub-signature"]).to.equal(`sha1=${mac("sha1")}`);
      expect(headers["user-agent"]).to.match(/^GitHub-Hookshot\//);
      expect(headers).to.include.keys("x-github-delivery", "x-github-hook-id", "x-github-hook-installation-target-id");
    }
  });

  it("hear only of the events that they want, and of none while they are switched off", async () => {
    const id = await fake.addHook(receiver.url, ["push"]);
    await fake.merge();
    await fake.ask(`PATCH /hooks/${id}`, { body: { active: false } });
    await fake.merge();
    expect(receiver.received.map(({ headers }) => headers["x-github-event"])).to.deep.equal(["ping", "push"]);
  });

  it("say of a pull request what has become of it", async () => {
    const pull = await fake.merge();
    const { body } = await fake.ask(`GET /pulls/${pull.number}`);
    expect(body).to.include({ state: "closed", merged: true, merge_commit_sha: pull.mergedSha });
    const other = await fake.open();
    expect((await fake.ask(`GET /pulls/${other.number}`)).body).to.include({ state: "open", merged: false });
    await other.close();
    const closed = (await fake.ask(`GET /pulls/${other.number}`)).body;
    expect(closed).to.include({ state: "closed", merged: false, merge_commit_sha: null, merged_at: null });
  });

  it("keep each attempt: answered, refused, redirected, too late, or by nobody", async () => {
    expect(fake.github.state.deliveryMs).to.equal(10_000);
    fake.github.state.deliveryMs = 100;
    const id = await fake.addHook(receiver.url);
    receiver.answers.push(202, 503, 302, 0);
    for (let index = 0; index < 4; index += 1) await fake.open();
    await receiver.stop();
    await fake.open();
    receiver = await startFakeReceiver();
    const kept = (await deliveries(id)).toReversed().map((one) => [one.event, one.status_code, one.status]);
    expect(kept).to.deep.equal([
      ["ping", 200, "OK"],
      ["pull_request", 202, "OK"],
      ["pull_request", 503, "Invalid HTTP Response: 503"],
      ["pull_request", 302, "Invalid HTTP Response: 302"],
      ["pull_request", 0, "timed out"],
      ["pull_request", 0, "failed to connect"],
    ]);
    expect(receiver.received.filter(({ path }) => path === "/elsewhere")).to.deep.equal([]);
  });

  it("are waited for when the fake stops", async () => {
    fake.github.state.deliveryMs = 100;
    receiver.answers.push(0);
    const config = { url: receiver.url, content_type: "json" };
    await fake.ask("POST /hooks", { body: { config } });
    const [made] = fake.repository.hooks.values();
    expect(made?.deliveries).to.deep.equal([]);
    await fake.github.settled();
    expect(made?.deliveries.map((one) => [one.event, one.status])).to.deep.equal([["ping", "timed out"]]);
  });

  it("send one again with the same id and the same bytes, as an attempt of its own", async () => {
    const id = await fake.addHook(receiver.url);
    receiver.answers.push(500);
    await fake.open();
    const [failed] = (await deliveries(id)) as [Fields]; // it was sent
    expect(await fake.ask(`POST /hooks/${id}/deliveries/${failed.id}/attempts`)).to.include({ status: 202 });
    await fake.github.settled();
    const [again, before] = (await deliveries(id)) as [Fields, Fields]; // it was sent twice
    expect([again.guid, again.redelivery, again.status_code]).to.deep.equal([failed.guid, true, 200]);
    expect([before.id, before.redelivery]).to.deep.equal([failed.id, false]);
    const [, first, second] = receiver.received;
    expect(second?.body).to.equal(first?.body);
    expect(second?.headers["x-github-delivery"]).to.equal(first?.headers["x-github-delivery"]);
    expect(again.id).to.be.above(2 ** 31);
  });

  it("list what they sent newest first, page by page, for three days", async () => {
    const id = await fake.addHook(receiver.url);
    for (let index = 0; index < 4; index += 1) await fake.open();
    const all = await deliveries(id);
    const first = await fake.ask(`GET /hooks/${id}/deliveries?per_page=3`);
    const next = /<([^>]+)>; rel="next"/.exec(first.headers.get("link") ?? "")?.[1] ?? "";
    const rest = await deliveries(id, new URL(next).search);
    expect([...first.list, ...rest]).to.deep.equal(all);
    expect(all.map((one) => one.id)).to.deep.equal(all.map((one) => one.id).toSorted((a, b) => b - a));
    receiver.answers.push(503);
    await fake.open();
    expect((await deliveries(id, "?status=failure")).map((one) => one.status_code)).to.deep.equal([503]);
    expect(await deliveries(id, "?status=success")).to.deep.equal(all);
    fake.github.state.clock.advance(3 * dayMs + 60_000);
    expect(await deliveries(id)).to.deep.equal([]);
    for (const question of [
      `GET /hooks/${id}/deliveries/${all[0]?.id}`,
      `POST /hooks/${id}/deliveries/${all[0]?.id}/attempts`,
    ])
      expect(await fake.ask(question)).to.include({ status: 404 });
  });

  it("are refused where they lack an address, are there already, or want what there is not", async () => {
    const config = { url: receiver.url, content_type: "json" };
    const bad: Json[] = [
      ...[{}, { config: { url: "shop.example" } }, { config: { ...config, content_type: "xml" } }],
      { config, events: ["pull_requests"] },
    ];
    for (const body of bad)
      expect(await fake.ask("POST /hooks", { body }), JSON.stringify(body)).to.include({ status: 422 });
    const id = await fake.addHook(receiver.url);
    expect((await fake.ask(`GET /hooks/${id}`)).body).to.include({ id, active: true });
    expect(await fake.ask("GET /hooks/1")).to.include({ status: 404 });
    expect(await fake.ask("POST /hooks", { body: { config } })).to.include({ status: 422 });
    expect(await fake.ask(`PATCH /hooks/${id}`, { body: { events: ["merge"] } })).to.include({ status: 422 });
  });
});
