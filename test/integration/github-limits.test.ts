// Conversations with a fake GitHub that wants to be left alone, or does not answer: no build is lost, and the health strip says so.

import { expect } from "chai";
import type { SystemView } from "../../ci-server/core/views/system.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";
import { adminToken } from "../helpers/tester.ts";

type Check = SystemView["checks"][number];

describe("a GitHub that is asked too much, or does not answer", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  // Of an App, whose builds need a token of the API's before git.
  before(async () => {
    talk = await GithubTester.start({ access: "app" });
    // They end so soon that each build needs one of its own.
    for (const app of talk.github.apps) app.tokenMs = 60_000;
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  const strip = async (): Promise<Check> => {
    const { checks } = (await (await talk.ci.api("/system")).json()) as SystemView;
    const forge = checks.find(({ name }) => name === "forge");
    if (forge === undefined) throw new Error("the strip has no forge");
    return forge;
  };
  const answers = (status: number, headers: Readonly<Record<string, string>>, times: number) => {
    talk.github.state.faults.next = { status, headers, times };
  };
  const built = async (pull: Parameters<GithubTester["built"]>[0]) => {
    const build = await talk.built(pull);
    expect(build, build.log).to.include({ result: "success", sha: pull.mergedSha });
  };
  const asked = () => talk.github.state.asked.length;
  /** Since then. */
  const refusals = (from: number) => {
    const codes = talk.github.state.asked.slice(from).map((one) => one.slice(-3));
    return codes.filter((code) => !code.startsWith("2"));
  };
  const metrics = async () => {
    const headers = { authorization: `Bearer ${adminToken}` };
    return (await fetch(new URL("/metrics", talk.ci.app.apiUrl), { headers })).text();
  };

  it("is left alone for as long as Retry-After says, and builds what was merged meanwhile", async () => {
    const before = asked();
    answers(403, { "retry-after": "2" }, 1);
    const pull = await talk.merge("asked too much");
    const { detail, fix } = await talk.until(strip, ({ ok }) => !ok);
    expect(detail).to.match(
      /^github \(http:\/\/127\.0\.0\.1:\d+\/api\/v3\) takes nothing of app 4711 until 20\S+: rate limited/,
    );
    expect(fix).to.contain("builds go on");
    await built(pull);
    // Nothing was asked in between.
    expect(refusals(before)).to.deep.equal(["403"]);
    expect(await strip()).to.include({ ok: true });
    expect(await metrics()).to.match(
      /mergedock_forge_requests_total{forge="github",api="[^"]+",outcome="rate_limited"} 1/,
    );
  });

  it("is left alone until the limit of the hour is given back, by its own clock", async () => {
    const before = asked();
    const reset = Math.ceil(Date.now() / 1000) + 2;
    answers(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": String(reset) }, 1);
    const pull = await talk.merge("the hour is used up");
    const { detail } = await talk.until(strip, ({ ok }) => !ok);
    const until = Date.parse(/until (\S+): rate limited/.exec(detail)?.[1] ?? "");
    expect(until / 1000).to.be.within(reset - 1, reset + 1);
    await built(pull);
    expect(refusals(before)).to.deep.equal(["403"]);
    expect(await strip()).to.include({ ok: true });
  });

  it("is asked again when it stumbles, which is no outage", async () => {
    const before = asked();
    answers(502, {}, 2);
    await built(await talk.merge("after two answers of 502"));
    expect(refusals(before)).to.deep.equal(["502", "502"]);
    expect(await strip()).to.include({ ok: true });
  });

  it("loses no build while it is away, is asked now and then only, and is known to be back", async () => {
    const before = asked();
    answers(503, {}, Number.POSITIVE_INFINITY);
    const pulls = [await talk.merge("one"), await talk.merge("two"), await talk.merge("three")];
    const { detail, fix } = await talk.until(strip, ({ ok }) => !ok);
    expect(detail).to.match(/has not answered since 20\S+: .* 503/);
    expect(fix).to.contain("githubstatus.com");
    const told = await (await talk.ci.api("/system")).json();
    expect(told).to.include({ state: "ok" });
    answers(503, {}, 0);
    await talk.until(strip, ({ ok }) => ok);
    for (const pull of pulls) await built(pull);
    expect(refusals(before).length).to.be.within(3, 10);
  });
});
