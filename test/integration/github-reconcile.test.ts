// Conversations with a fake GitHub about merges whose deliveries did not arrive.

import { expect } from "chai";
import type { PullHandle } from "../fakes/github/server.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { untold } from "../helpers/github-tester.ts";
import { runMergedock } from "../helpers/mergedock.ts";
import { askFake, type DeliveryEntry, failed, mergeAll, ReconcileTalk } from "../helpers/reconcile-talk.ts";
import { adminToken, type BuildView, webhookSecret } from "../helpers/tester.ts";

describe("deliveries that did not arrive", function () {
  this.timeout(60_000);
  let talk: ReconcileTalk;
  let missed: PullHandle[];
  before(async () => {
    talk = await ReconcileTalk.start({ rules: untold });
    await talk.github.merge("the one that arrived");
    missed = await talk.whileDown(() => mergeAll(talk, ["one", "two", "three"]));
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("while the server was away are taken when it is back, and built in their order, each once", async () => {
    const builds = await talk.allBuilt(4);
    expect(builds.slice(1).map(({ sha }) => sha)).to.deep.equal(missed.map(({ mergedSha }) => mergedSha));
    expect(builds.map(({ result, trigger }) => `${trigger} ${result}`)).to.deep.equal(
      Array(4).fill("pull_request success"),
    );
    const taken = (await talk.deliveries()).filter(({ verdict }) => verdict === "build").slice(1);
    expect(taken.map(({ origin, verdict }) => `${origin} ${verdict}`)).to.deep.equal(Array(3).fill("api build"));
    expect(taken.map(({ guid }) => guid)).to.deep.equal(failed(talk).map(({ guid }) => guid));
    expect(await talk.reconcile()).to.include({ way: "api", found: 0, problem: null });
    expect(await talk.builds()).to.have.length(4);
  });

  it("are duplicates when GitHub sends them after all, though its bytes are not those of its API", async () => {
    const [hook] = talk.github.repository.hooks.values();
    const [first] = failed(talk);
    await askFake(talk, `/hooks/${hook?.id}/deliveries/${first?.id}/attempts`);
    const again = await talk.github.until(
      () => hook?.deliveries.find(({ guid, redelivery }) => redelivery && guid === first?.guid),
      (found) => found !== undefined,
    );
    expect(again?.statusCode).to.equal(202);
    expect(JSON.parse(again?.answer ?? "")).to.include({ verdict: "duplicate" });
    expect(await talk.builds()).to.have.length(4);
  });

  it("since somebody else answered them are taken without a restart", async () => {
    const { app } = talk.github.ci;
    const [hook] = talk.github.repository.hooks.values();
    Object.assign(hook?.config ?? {}, { url: `${app.apiUrl}/nobody-takes-this` });
    const pull = await talk.github.merge("answered by another");
    Object.assign(hook?.config ?? {}, { url: app.webhookUrl });
    expect(hook?.deliveries.at(-1)?.statusCode).to.equal(401);
    expect(await talk.reconcile()).to.include({ way: "api", found: 1 });
    expect(await talk.github.built(pull)).to.include({ result: "success", trigger: "pull_request" });
  });

  it("as far as the ledger goes are taken too: GitHub had a good answer, and the database is one of yesterday", async () => {
    const pull = await talk.whileCutOff(() => talk.github.merge("answered and forgotten"));
    const record = failed(talk).at(-1);
    Object.assign(record ?? {}, { statusCode: 202 });
    expect(await talk.reconcile()).to.include({ found: 1 });
    expect(await talk.github.built(pull)).to.include({ result: "success" });
  });

  it("are asked for again where GitHub has not kept what was in them", async () => {
    const pull = await talk.whileCutOff(() => talk.github.merge("without its payload"));
    talk.github.github.state.faults.lostPayloads.add(failed(talk).at(-1)?.guid ?? "");
    expect(await talk.reconcile()).to.include({ way: "api", found: 1 });
    const build = await talk.github.built(pull);
    expect(build).to.include({ result: "success" });
    expect(entryOf(await talk.deliveries(), build)).to.include({ origin: "webhook" });
  });

  it("are looked for again when GitHub's API was down, and the system says why they were not", async () => {
    const pull = await talk.whileCutOff(() => talk.github.merge("while the API was down"));
    talk.github.github.state.faults.next = { status: 502, times: 1 };
    const { problem, round } = await talk.reconcile();
    expect(problem).to.match(/^GET \/repos\/acme\/shop\/hooks: .* 502/);
    const system = await (await talk.github.ci.api("/system")).json();
    const warning = (system as { warnings: { code: string }[] }).warnings.find(({ code }) => code === "reconcile");
    expect(warning).to.have.property("message").that.contains("acme/shop").and.contains("502");
    await talk.github.ci.query("update reconcile set due_at = now()");
    expect(await talk.looked(round + 1)).to.include({ found: 1, problem: null });
    expect(await talk.github.built(pull)).to.include({ result: "success" });
  });

  it("are seen in git where the access may not read webhooks, and the system says which permission is missing", async () => {
    talk.github.repository.people.set("admin", "write");
    const pull = await talk.whileCutOff(() => talk.github.merge("without permission"));
    const { way, problem } = await talk.reconcile();
    talk.github.repository.people.set("admin", "admin");
    expect(way).to.equal("git");
    expect(problem).to.contain("give its access the permission to read webhooks");
    // The branch is looked at for the first time, and begins at the last merge that was built.
    expect(await talk.github.built(pull)).to.include({ result: "success", trigger: "reconcile" });
    expect(await talk.reconcile()).to.include({ way: "api", found: 1 });
    expect((await talk.deliveries()).at(-1)?.reason).to.match(/it is build \d+ already$/);
  });

  it("are looked for when somebody asks for it, by the command line too, and it is noted who did", async () => {
    const { app, folder } = talk.github.ci;
    const env = { MERGEDOCK_SERVER: new URL(app.apiUrl).origin, MERGEDOCK_ADMIN_TOKEN: adminToken };
    const { code, stdout, stderr } = await runMergedock(["reconcile", "ACME/shop"], { folder, env });
    expect({ code, stdout, stderr }).to.deep.equal({
      ...{ code: 0, stderr: "" },
      stdout: "acme/shop: what its webhook has sent: 0 had not arrived\n",
    });
    const { entries } = (await (await talk.github.ci.api("/audit")).json()) as { entries: { action: string }[] };
    expect(entries[0]).to.include({ action: "reconcile", target: "ACME/shop" });
    expect((await talk.github.ci.post("/reconcile", { repository: "acme/other" })).status).to.equal(404);
  });
});

describe("merges that nobody tells of", function () {
  this.timeout(60_000);
  let talk: ReconcileTalk;
  before(async () => {
    talk = await ReconcileTalk.start({ access: "none" });
    await talk.reconcile();
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("are found by git, and built in their order; those that were told of are left alone", async () => {
    const told = await talk.github.merge("told of");
    const pulls = await talk.whileCutOff(async () => [
      await talk.github.merge("by a merge commit"),
      await talk.github.merge("by a squash", "squash"),
    ]);
    expect(await talk.reconcile()).to.include({ way: "git", found: 2, problem: null });
    const builds = await talk.allBuilt(3);
    expect(builds.map(({ sha, trigger, result }) => [sha, trigger, result])).to.deep.equal([
      [told.mergedSha, "pull_request", "success"],
      [pulls[0]?.mergedSha, "reconcile", "success"],
      [pulls[1]?.mergedSha, "reconcile", "success"],
    ]);
    expect(builds.map(({ pullRequest }) => pullRequest?.number)).to.deep.equal([1, 2, 3]);
    expect((await talk.github.ci.build(builds[2]?.id ?? 0)).merge).to.include({ method: "squash" });
    expect(entryOf(await talk.deliveries(), builds[1])).to.include({ origin: "git", name: "reconcile" });
    expect(await talk.reconcile()).to.include({ found: 0 });
  });

  it("have one build when their delivery comes late", async () => {
    const pull = await talk.whileCutOff(() => talk.github.merge("late"));
    await talk.reconcile();
    const build = await talk.github.built(pull);
    const answer = await talk.github.ci.deliver({ payload: pull.payload() });
    expect(JSON.parse(answer.body)).to.include({ verdict: "skip", build: build.id });
    expect(JSON.parse(answer.body).reason).to.contain(`it is build ${build.id} already`);
    expect(await talk.builds()).to.have.length(4);
  });

  it("can be built again from the ledger, as a delivery can", async () => {
    const [entry] = (await talk.deliveries()).filter(({ origin, verdict }) => origin === "git" && verdict === "build");
    const replayed = await talk.github.ci.post(`/deliveries/${entry?.guid}/replay`, {});
    const { build } = (await replayed.json()) as { build: number };
    expect(await talk.github.ci.finished(build)).to.include({ result: "success", trigger: "reconcile" });
  });

  it("are told from pushes and from rebases, which are not built and of which the ledger says so", async () => {
    const before = (await talk.builds()).length;
    await talk.whileCutOff(() => talk.github.merge("without a trace", "rebase"));
    const sha = await talk.github.repository.git.commit({ files: { notes: "x" }, message: "Note something (see #1)" });
    expect(await talk.reconcile()).to.include({ way: "git", found: 0 });
    const entry = (await talk.deliveries()).at(-1);
    expect(entry).to.include({ origin: "git", verdict: "skip", action: "pushed" });
    expect(entry?.reason).to.equal(
      `2 commits on main up to ${sha.slice(0, 7)} came by no pull request that can be recognised; a push is not a merge, and is not built`,
    );
    expect(await talk.builds()).to.have.length(before);
  });
});

describe("what an App's own webhook has sent and did not arrive", function () {
  this.timeout(60_000);
  let talk: ReconcileTalk;
  before(async () => {
    talk = await ReconcileTalk.start({ access: "app", hook: false });
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("is taken from its list, of a rebase too, which git alone could not tell from a push", async () => {
    const { github } = talk;
    const [app] = github.github.apps;
    const hook = app && github.github.addAppHook(app, { url: github.ci.app.webhookUrl, secret: webhookSecret });
    const pull = await talk.whileCutOff(() => github.merge("by an App", "rebase"));
    expect(hook?.deliveries.at(-1)).to.include({ event: "pull_request", action: "closed", statusCode: 0 });
    expect(await talk.reconcile()).to.include({ way: "api", found: 1, problem: null });
    expect(await github.built(pull)).to.include({ result: "success", trigger: "pull_request" });
    expect(await talk.reconcile()).to.include({ way: "api", found: 0, problem: null });
  });
});

describe("F10: fifty merges while the server was away, of which the newest replaces the others", function () {
  this.timeout(120_000);
  const merges = 50;
  let talk: ReconcileTalk;
  let missed: PullHandle[];
  before(async () => {
    talk = await ReconcileTalk.start({ concurrency: "supersede", file: { reconcile: { every_seconds: 1 } } });
    missed = await talk.whileDown(() =>
      mergeAll(
        talk,
        Array.from({ length: merges }, (_none, index) => `${index}`),
      ),
    );
  });
  afterEach(() => removeImages(talk.github.ci.lab));
  after(() => talk.stop());

  it("are one image: that of the newest", async () => {
    const began = performance.now();
    const builds = await talk.allBuilt(merges);
    const seconds = Math.round((performance.now() - began) / 100) / 10;
    const found = (await talk.deliveries()).filter(({ origin }) => origin === "api").length;
    const shas = new Set(builds.map(({ sha }) => sha));
    const lost = missed.filter(({ mergedSha }) => !shas.has(mergedSha)).length;
    const built = builds.filter(({ result }) => result === "success").length;
    console.table({ F10: { merges, found, built, lost, doubled: builds.length - shas.size, seconds } });
    expect(builds.map(({ sha, result }) => [sha, result])).to.deep.equal(
      missed.map(({ mergedSha }, index) => [mergedSha, index < merges - 1 ? "cancellation" : "success"]),
    );
  });

  it("are looked for at intervals, with nobody asking", async () => {
    const pull = await talk.whileCutOff(() => talk.github.merge("between two looks"));
    expect(await talk.github.built(pull)).to.include({ result: "success" });
    const entry = (await talk.deliveries()).findLast(({ origin }) => origin === "api");
    expect(entry).to.include({ verdict: "build" });
  });
});

function entryOf(deliveries: readonly DeliveryEntry[], build: BuildView | undefined): DeliveryEntry | undefined {
  return deliveries.find((entry) => entry.build === build?.id);
}
