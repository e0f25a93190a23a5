// Conversations with a fake GitHub that has trouble: replicas that lag, failures now and then, deliveries that were refused.

import { expect } from "chai";
import { endLag } from "../fakes/github/replica.ts";
import type { DeliveryRecord, FakeHook } from "../fakes/github/state.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester, untold } from "../helpers/github-tester.ts";
import { webhookSecret } from "../helpers/tester.ts";

describe("a merge on a GitHub in trouble", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  let hook: FakeHook;
  before(async () => {
    // Nobody but builds is to meet the faults.
    talk = await GithubTester.start({ access: "app", rules: untold, limits: { attempts_max: 4 } });
    await talk.looked(1);
    [hook] = [...talk.repository.hooks.values()] as [FakeHook]; // GithubTester makes one
  });
  afterEach(async () => {
    const { state } = talk.github;
    Object.assign(state, { lagMs: 0 });
    Object.assign(state.faults, { next: null, nextGit: null, everyNth: null, isCutOff: false });
    await removeImages(talk.ci.lab);
  });
  after(() => talk.stop());

  const last = () => hook.deliveries.at(-1) as DeliveryRecord; // asked after one was sent
  const buildsOf = (sha: string | null) => talk.ci.query(`select id from build where sha = '${sha}'`);
  const said = ({ answer }: DeliveryRecord) => JSON.parse(answer) as { verdict: string; reason: string; build: number };

  async function redeliver({ id }: DeliveryRecord): Promise<DeliveryRecord> {
    const url = `${talk.github.apiUrl}/repos/acme/shop/hooks/${hook.id}/deliveries/${id}/attempts`;
    const headers = { authorization: `Bearer ${talk.github.giveToken("admin")}`, "user-agent": "a person" };
    expect(await fetch(url, { method: "POST", headers })).to.include({ status: 202 });
    await talk.github.settled();
    return last();
  }

  // The first one: later ones have the App's token already.
  it("is built although the API fails as it is asked for the App's token, and git does after that", async () => {
    const { faults } = talk.github.state;
    faults.next = { status: 502, times: 1 };
    faults.nextGit = { status: 503, times: 1 };
    const build = await talk.built(await talk.merge("hello in spite of all"));
    expect(build, build.log).to.include({ result: "success" });
    expect(build.log).to.contain("try 1 of 4 failed").and.contain("try 2 of 4 failed").and.contain("503");
    expect(faults.failed).to.equal(2);
  });

  it("waits for the commit while GitHub's replicas do not have it yet, and builds it", async () => {
    talk.github.state.lagMs = 3_600_000;
    const pull = await talk.merge("hello from a replica");
    await talk.ci.logged(said(last()).build, `does not have ${pull.mergedSha} on main yet`);
    endLag(talk.repository);
    const build = await talk.built(pull);
    expect(build, build.log).to.include({ result: "success", sha: pull.mergedSha });
    expect(build.log).to.contain("a forge's replicas may lag behind").and.contain("again in 1 s");
  });

  it("is built, each of them, although every fourth request of git and the API fails", async () => {
    const { faults } = talk.github.state;
    const before = faults.failed;
    faults.everyNth = { n: 4, status: 502 };
    for (const message of ["first", "second"]) {
      const build = await talk.built(await talk.merge(`hello for the ${message} time`));
      expect(build, build.log).to.include({ result: "success" });
    }
    expect(faults.failed).to.be.above(before);
  });

  it("is built when its delivery is sent again after a failed attempt, and only once", async () => {
    hook.config.secret = "what somebody wrote into the wrong field";
    const pull = await talk.merge("hello at last", "rebase");
    const failed = last();
    expect([failed.statusCode, failed.status]).to.deep.equal([401, "Invalid HTTP Response: 401"]);
    expect(await buildsOf(pull.mergedSha)).to.deep.equal([]);
    hook.config.secret = webhookSecret;
    const good = await redeliver(failed);
    expect(good).to.include({ guid: failed.guid, redelivery: true, statusCode: 202 });
    expect(said(good)).to.include({ verdict: "build" });
    expect((await talk.built(pull)).result).to.equal("success");
    const third = await redeliver(failed);
    expect(third).to.include({ guid: failed.guid, statusCode: 202 });
    expect(await buildsOf(pull.mergedSha)).to.have.length(1);
  });

  it("is built when it was sent while nobody could be reached, and is sent again", async () => {
    talk.github.state.faults.isCutOff = true;
    const pull = await talk.merge("hello from the past");
    expect(last()).to.include({ statusCode: 0, status: "failed to connect" });
    talk.github.state.faults.isCutOff = false;
    expect(said(await redeliver(last()))).to.include({ verdict: "build" });
    expect((await talk.built(pull)).result).to.equal("success");
  });

  it("is built once, by its closing, of all that GitHub tells of a pull request", async () => {
    hook.events = ["*"];
    const before = hook.deliveries.length;
    const pull = await talk.open("a first try");
    await pull.push({ files: { "message.txt": "a second try\n" }, message: "Try again" });
    await talk.github.comment("acme/shop", pull.number, "octocat", "nice");
    await pull.merge("squash");
    hook.events = ["pull_request"];
    const told = hook.deliveries.slice(before).map((one) => [one.event, one.action, one.statusCode, said(one).verdict]);
    expect(told).to.have.deep.members([
      ["pull_request", "opened", 202, "skip"],
      ["pull_request", "synchronize", 202, "skip"],
      ["issue_comment", "created", 202, "skip"],
      ["push", null, 202, "skip"],
      ["pull_request", "closed", 202, "build"],
    ]);
    const build = await talk.built(pull);
    expect(await talk.ci.run(build.images[0]?.reference ?? "")).to.equal("a second try\n");
  });

  it("is none where a pull request is closed without merging: nothing is built, and the answer says why", async () => {
    const before = [hook.deliveries.length, await talk.ci.countRows("build")] as const;
    const pull = await talk.open();
    await pull.close();
    await redeliver(last());
    for (const { statusCode, answer } of hook.deliveries.slice(before[0] + 1)) {
      expect(statusCode).to.equal(202);
      expect(answer).to.contain(`pull request #${pull.number} was closed without merging`);
    }
    expect(hook.deliveries).to.have.length(before[0] + 3);
    expect(await talk.ci.countRows("build")).to.equal(before[1]);
  });
});
