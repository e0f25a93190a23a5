// Conversations with a fake Gitea: what a merge there leads to, and that it is not mistaken for GitHub.

import { expect } from "chai";
import { mergeStyles } from "../fakes/gitea/merge.ts";
import { send } from "../fakes/gitea/send.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { GiteaTester } from "../helpers/gitea-tester.ts";
import { webhookSecret } from "../helpers/tester.ts";

describe("a merge on Gitea", function () {
  this.timeout(60_000);
  let talk: GiteaTester;
  before(async () => {
    talk = await GiteaTester.start({ file: { webhooks: { public_url: "https://ci.acme.test" } } });
  });
  beforeEach(() => {
    talk.gitea.state.flavour = "gitea";
    talk.repository.hooks.clear();
  });
  afterEach(() => removeImages(talk.ci.lab));
  after(() => talk.stop());

  const methods = {
    ...{ merge: "merge", squash: "squash", "rebase-merge": "merge" },
    // Where the base branch has not moved, a rebase makes no new commits.
    ...{ rebase: "fast_forward", "fast-forward-only": "fast_forward" },
  } as const;
  for (const style of mergeStyles)
    it(`by ${style} is delivered with a signature, answered with 202, and built with all that it changed`, async () => {
      const hook = await talk.addHook();
      const { mergedSha, number } = await talk.merge(style);
      expect(await talk.lastOf(hook)).to.include({ event: "pull_request", status: 202 });
      const build = await talk.built(hook);
      expect(build, build.log).to.include({ result: "success", sha: mergedSha });
      expect(build.pullRequest).to.include({ number, author: "ada", mergedBy: "bob" });
      expect(build.merge).to.include({ method: methods[style] });
      expect(build.changedFiles).to.include("message.txt").and.have.length(2);
    });

  it("by a rebase onto a branch that has moved is built with all that it changed, and nothing else", async () => {
    const hook = await talk.addHook();
    const { repository, gitea } = talk;
    const commits = ["x", "y"].map((file) => ({ files: { [file]: "1" }, message: `Add ${file}` }));
    const [one, two] = commits as [(typeof commits)[0], (typeof commits)[0]]; // two files
    const pull = await gitea.openPullRequest(repository, { branch: "rebased", commits: [one, two] });
    await repository.git.commit({ files: { moved: "1" }, message: "Move main" });
    await pull.merge("rebase");
    const build = await talk.built(hook);
    expect(build.merge).to.include({ method: "rebase" });
    expect(build.changedFiles).to.deep.equal(["x", "y"]);
  });

  it("that is told of twice, by two hooks, is built once", async () => {
    const hooks = [await talk.addHook(), await talk.addHook()];
    await talk.merge();
    const told = await Promise.all(hooks.map(async (hook) => (await talk.lastOf(hook)).said));
    expect(told.map(({ verdict }) => verdict)).to.have.members(["build", "skip"]);
    expect(new Set(told.map(({ build }) => build)).size).to.equal(1);
    await talk.ci.finished(told[0]?.build ?? null);
  });

  it("on Forgejo is built, by Forgejo's own headers", async () => {
    talk.gitea.state.flavour = "forgejo";
    const hook = await talk.addHook();
    await talk.merge();
    const { said } = await talk.lastOf(hook);
    expect((await talk.ci.finished(said.build)).result).to.equal("success");
    const kept = (await (await talk.ci.api(`/deliveries/${said.delivery}`)).json()) as { headers: object };
    expect(kept.headers).to.include({ "x-forgejo-event": "pull_request", "x-gitea-event": "pull_request" });
  });

  it("is built from a form as well", async () => {
    const hook = await talk.addHook();
    hook.config.content_type = "form";
    await talk.merge();
    expect((await talk.built(hook)).result).to.equal("success");
  });

  it("is refused where the hook has another secret, or none", async () => {
    for (const secret of ["some other secret of a hook", ""]) {
      const hook = await talk.addHook({ secret });
      await talk.merge();
      const { status, answer } = await talk.lastOf(hook);
      expect(status).to.equal(401);
      expect(answer).to.contain(secret === "" ? "X-Gitea-Signature" : "the signature does not fit");
      talk.repository.hooks.clear();
    }
  });

  it("is told by the test of its hook that all is well", async () => {
    const hook = await talk.addHook();
    await talk.api.hooks.ping(String(hook.id), AbortSignal.timeout(10_000));
    const { event, status, said } = await talk.lastOf(hook);
    expect({ event, status, reason: said.reason }).to.deep.equal({
      ...{ event: "push", status: 200, reason: "ping: the hook is set up" },
    });
    const { setup } = (await (await talk.ci.api("/system")).json()) as { setup: { pingReceivedAt: string | null } };
    expect(setup.pingReceivedAt).to.be.a("string");
  });

  it("comes to an address of its own, which the set-up says", async () => {
    const { setup } = (await (await talk.ci.api("/system")).json()) as { setup: object };
    const payloadUrl = "https://ci.acme.test/webhooks/gitea";
    expect(setup).to.deep.include({ payloadUrl, payloadUrls: [{ forge: "gitea", url: payloadUrl }] });
  });

  it("is not mistaken for one on GitHub: each counts on its own way in, for repositories that live there", async () => {
    const builds = await talk.ci.countRows("build");
    // GitHub's, of a repository of the same name.
    const { verdict } = await talk.ci.merge();
    expect(verdict).to.include({ verdict: "skip", build: null });
    expect(verdict.reason).to.contain("this came from github (/webhooks/github), and acme/shop lives on gitea");
    // Gitea's, whose headers are GitHub's too, on GitHub's way.
    const hook = await talk.addHook({ url: talk.ci.app.webhookUrl });
    await talk.merge();
    expect((await talk.lastOf(hook)).said.reason).to.contain("have its webhook lead to /webhooks/gitea");
    // GitHub's on Gitea's way.
    const lost = await talk.ci.deliver({ url: talk.webhookUrl });
    expect(lost).to.include({ status: 401 });
    expect(await talk.ci.countRows("build")).to.equal(builds);
  });
});

describe("a merge on a Gitea that nobody has told the CI of", function () {
  this.timeout(60_000);
  let talk: GiteaTester;
  before(async () => {
    talk = await GiteaTester.start({ rules: { forge: "github" } });
  });
  after(() => talk.stop());

  it("is not built, though a repository of GitHub has its name", async () => {
    const hook = await talk.addHook();
    await talk.merge();
    const { status, said } = await talk.lastOf(hook);
    expect(status).to.equal(202);
    expect(said).to.include({ verdict: "skip", build: null });
    expect(said.reason).to.contain("this came from gitea (/webhooks/gitea), and acme/shop lives on github");
    const sent = {
      url: talk.ci.app.webhookUrl,
      secret: webhookSecret,
      contentType: "json",
      event: "push",
      payload: {},
    };
    expect((await send(sent)).status).to.equal(202);
  });
});
