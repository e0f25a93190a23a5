// The way of a merge, from the signed delivery to the proven image, on real parts.

import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { Tester, type Verdict } from "../helpers/tester.ts";

describe("a pull request", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start();
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  for (const method of ["merge", "squash", "rebase"] as const) {
    it(`that was merged by ${method} becomes an image that prints what the merged commit says`, async () => {
      const before = await ci.repository.resolve("main");
      const merge = await ci.merge({ method, message: `hello by ${method}`, commits: 3 });
      expect(merge.verdict).to.include({
        verdict: "build",
        reason: `pull request #${merge.number} was merged into main`,
      });
      const build = await ci.finished(merge.verdict.build);
      expect(build, build.log).to.include({
        result: "success",
        sha: merge.sha,
        trigger: "pull_request",
        failure: null,
      });
      expect(build.merge).to.deep.equal({ method, since: before, files: 3 });
      const extra = [0, 1].map((index) => `extra-${merge.number}-${index}`);
      expect(build.changedFiles).to.deep.equal([...extra, "message.txt"]);
      expect(build.pullRequest).to.include({ number: merge.number, author: "Codertocat", mergedBy: "Codertocat" });
      expect(build.deliveryGuid).to.equal(merge.verdict.delivery);
      const [image] = build.images;
      expect(image?.tags).to.deep.equal([`pr-${merge.number}`, "latest", `sha-${merge.sha.slice(0, 7)}`]);
      expect(image?.reference).to.equal(`${ci.lab.registry.host}/acme/shop@${image?.digest}`);
      expect(await ci.run(image?.reference ?? "")).to.equal(`hello by ${method}\n`);
      expect(await ci.run(`${ci.lab.registry.host}/acme/shop:pr-${merge.number}`)).to.equal(`hello by ${method}\n`);
    });
  }

  it("is built from the merged commit, though the branch has moved on since", async () => {
    const { pullRequest, merge } = await ci.mergeQuietly({ message: "the merged one" });
    await ci.mergeQuietly({ message: "a later one" });
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl: ci.cloneUrl, pullRequest, merge });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    const build = await ci.finished(verdict.build);
    expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("the merged one\n");
  });

  it("tells its stages with their times and each step in the log", async () => {
    const build = await ci.finished((await ci.merge({ message: "stages" })).verdict.build);
    expect(build.stages.map(({ name }) => name)).to.deep.equal([
      "queued",
      "fetch",
      "plan",
      "build",
      "push",
      "prove",
      "attest",
    ]);
    for (const stage of build.stages)
      expect(stage)
        .to.include({ result: "success" })
        .and.satisfy(() => (stage.ms ?? -1) >= 0);
    for (const words of [
      "fetching main",
      "COPY message.txt",
      "RUN wc -c",
      "CACHED",
      "pushed ",
      "is in the registry with",
    ]) {
      expect(build.log).to.contain(words);
    }
    expect(build.log.trimEnd().split("\n").at(-1)).to.equal("attest success");
  });

  it("is fetched from the configured URL, whatever the payload names", async () => {
    const { pullRequest, merge } = await ci.mergeQuietly({ message: "hostile" });
    const cloneUrl = "http://127.0.0.1:1/evil.git";
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl, pullRequest, merge });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    expect((await ci.finished(verdict.build)).result).to.equal("success");
  });

  it("that was closed without merging builds nothing", async () => {
    const { pullRequest } = await ci.mergeQuietly();
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl: ci.cloneUrl, pullRequest });
    const answer = await ci.deliver({ payload });
    expect(answer.status).to.equal(202);
    const reason = `pull request #${pullRequest.number} was closed without merging`;
    expect(JSON.parse(answer.body)).to.deep.equal({ delivery: answer.guid, verdict: "skip", reason, build: null });
  });

  it("into a branch that is not configured builds nothing", async () => {
    await ci.repository.commit({ branch: "wip", files: {}, message: "wip" });
    const { verdict } = await ci.merge({ base: "wip" });
    expect(verdict).to.include({
      verdict: "skip",
      reason: "base branch wip is not among the branches of acme/shop (main, release/*)",
      build: null,
    });
  });

  it("of a repository that is not configured builds nothing", async () => {
    const { pullRequest, merge } = await ci.mergeQuietly();
    const repository = { name: "acme/else", defaultBranch: "main" };
    const answer = await ci.deliver({
      payload: closedPullRequest({ repository, cloneUrl: ci.cloneUrl, pullRequest, merge }),
    });
    const reason = 'repository acme/else is not configured; add it under "repositories" in mergedock.yml';
    expect(JSON.parse(answer.body)).to.include({ verdict: "skip", reason });
  });

  it("is built once, whether it is delivered again or announced anew", async () => {
    const merge = await ci.merge({ message: "only once" });
    const again = await ci.deliver({ payload: merge.payload, guid: merge.verdict.delivery });
    expect(again.status).to.equal(202);
    expect(JSON.parse(again.body)).to.include({ verdict: "duplicate", build: merge.verdict.build });
    const anew = JSON.parse((await ci.deliver({ payload: merge.payload, guid: randomUUID() })).body) as Verdict;
    expect(anew).to.include({ verdict: "skip", build: merge.verdict.build });
    expect(anew.reason).to.contain(`it is build ${merge.verdict.build} already`);
    await ci.finished(merge.verdict.build);
    const { builds } = (await (await ci.api("/builds?limit=1")).json()) as { builds: { id: number }[] };
    expect(builds[0]?.id).to.equal(merge.verdict.build);
  });

  it("T11: whose commit is not on its base branch is refused", async () => {
    const evil = await ci.repository.commit({ branch: "fork", files: { "message.txt": "evil" }, message: "evil" });
    const { pullRequest } = await ci.mergeQuietly();
    const payload = closedPullRequest({
      repository: ci.repository,
      cloneUrl: ci.cloneUrl,
      pullRequest,
      merge: { mergeCommitSha: evil },
    });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    const build = await ci.finished(verdict.build);
    expect(build).to.include({ result: "failure" });
    expect(build.failure?.message).to.contain(`does not have ${evil} on main`);
    expect(build.images).to.deep.equal([]);
  });

  it("whose Dockerfile fails is a failure that names the step, and the next merge is built", async () => {
    const files = { Dockerfile: "FROM scratch\nCOPY busybox /bin/sh\nRUN echo almost && exit 3\n" };
    const build = await ci.finished((await ci.merge({ files })).verdict.build);
    expect(build).to.include({ result: "failure" });
    expect(build.failure?.code).to.equal("build_failed");
    expect(build.failure?.message).to.contain("exit code: 3");
    expect(build.log).to.contain("almost");
    expect(build.stages.at(-1)).to.include({ name: "build", result: "failure" });
    const { Dockerfile } = await (await import("../../lab/sample-app.ts")).sampleApp({ message: "" });
    const next = await ci.merge({ files: { Dockerfile: Dockerfile ?? "", "message.txt": "mended\n" } });
    expect((await ci.finished(next.verdict.build)).result).to.equal("success");
  });
});

describe("a registry that another CA has signed", function () {
  this.timeout(60_000);

  it("T29: is never reported as success, and the build says what to check", async () => {
    const folder = await mkdtemp(join(tmpdir(), "other-ca-"));
    const { caFile } = await makeCertificates({ folder, hosts: ["localhost"] });
    const ci = await Tester.start({ env: { MERGEDOCK_REGISTRY_CA_FILE: caFile } });
    try {
      const build = await ci.finished((await ci.merge()).verdict.build);
      expect(build).to.deep.include({ result: "error", images: [] });
      expect(build.failure?.code).to.equal("forbidden");
      expect(build.failure?.message).to.contain("is not signed by the configured CA");
      expect(build.failure?.message).to.contain("check registry.ca_file");
    } finally {
      await ci.stop();
      await rm(folder, { recursive: true });
    }
  });
});
