// A signed delivery whose URLs are another's: what a fork, or whoever can write a payload, might send us to.

import { expect } from "chai";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { listen } from "../helpers/listener.ts";
import { Tester, type Verdict } from "../helpers/tester.ts";

describe("a merge whose payload names hostile URLs", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start();
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  it("T11: is built from the configured URL alone, and nobody else is asked", async () => {
    const listener = await listen();
    const { pullRequest, merge } = await ci.mergeQuietly({ message: "honest" });
    const cloneUrl = `${listener.url}/acme/shop.git`;
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl, pullRequest, merge });
    const text = JSON.stringify(payload).replace(/https?:\/\/(?!127\.0\.0\.1)[^/"]+\//g, `${listener.url}/`);
    const hostile = JSON.parse(text);
    hostile.pull_request.head.repo = { ...hostile.pull_request.head.repo, fork: true, full_name: "evil/shop" };
    expect(text.split(listener.url).length).to.be.greaterThan(20);
    const verdict = JSON.parse((await ci.deliver({ payload: hostile })).body) as Verdict;
    const build = await ci.finished(verdict.build);
    expect(build).to.include({ result: "success", sha: merge.mergeCommitSha });
    expect(build.log).to.contain(`fetching main of ${ci.cloneUrl}`).and.not.contain(listener.url);
    expect(listener.hits).to.deep.equal([]);
    await listener.close();
  });
});
