// Conversations with a fake GitHub: what a merge there leads to.

import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { GithubTester } from "../helpers/github-tester.ts";

describe("a merge on GitHub", function () {
  this.timeout(60_000);
  let talk: GithubTester;
  before(async () => {
    talk = await GithubTester.start();
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  it("is delivered with a signature, answered with 202, and built", async () => {
    const pull = await talk.merge("hello from GitHub", "squash");
    const [hook] = talk.repository.hooks.values();
    expect(hook?.deliveries.map(({ action, statusCode }) => [action, statusCode])).to.deep.equal([
      ["opened", 202],
      ["closed", 202],
    ]);
    const build = await talk.built(pull);
    expect(build, build.log).to.include({ result: "success", sha: pull.mergedSha });
    expect(build.merge).to.include({ method: "squash" });
  });
});
