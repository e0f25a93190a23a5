// Cancelling, superseding and a full queue, on real builds.

import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { processes } from "../helpers/processes.ts";
import { Tester } from "../helpers/tester.ts";

const slow = [
  "FROM scratch",
  "COPY busybox /bin/busybox",
  'RUN ["/bin/busybox", "sh", "-c", "echo begun && exec /bin/busybox sleep 3600"]',
  "",
].join("\n");

describe("a build that is no longer wanted", function () {
  this.timeout(60_000);
  let ci: Tester;
  before(async () => {
    ci = await Tester.start({ concurrency: "supersede" });
  });
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  function cancel(id: number | null): Promise<Response> {
    return ci.api(`/builds/${id}/cancel`, { method: "POST" });
  }

  async function sleepers(): Promise<number> {
    return (await processes()).filter(({ command }) => command === "/bin/busybox sleep 3600").length;
  }

  it("ends within a second when it is cancelled while it runs, on the engine too", async () => {
    const { verdict } = await ci.merge({ files: { Dockerfile: slow } });
    await ci.logged(verdict.build, "begun\n");
    expect(await sleepers()).to.equal(1);
    const startedMs = performance.now();
    expect((await cancel(verdict.build)).status).to.equal(202);
    const build = await ci.finished(verdict.build);
    while ((await sleepers()) > 0 && performance.now() - startedMs < 5_000);
    expect(performance.now() - startedMs).to.be.lessThan(1_000);
    expect(build).to.include({ result: "cancellation" });
    expect(build.failure).to.include({ code: "cancelled", kind: "cancelled", message: "cancelled by hand" });
    expect(build.stages.at(-1)).to.include({ name: "build", result: "cancellation" });
  });

  it("is never begun when it is cancelled while it waits, and those that waited are superseded by the newest", async () => {
    const running = await ci.merge({ files: { Dockerfile: slow } });
    await ci.logged(running.verdict.build, "begun\n");
    const waiting = [await ci.merge(), await ci.merge(), await ci.merge()].map(({ verdict }) => verdict.build);
    const newest = waiting[2] ?? null;
    for (const [index, id] of waiting.slice(0, 2).entries()) {
      const ended = await ci.build(id);
      expect(ended).to.deep.include({ result: "cancellation", stages: [] });
      expect(ended.failure).to.deep.equal({
        ...{ code: "cancelled", message: `superseded by #${waiting[index + 1]}`, kind: "cancelled" },
        ...{ service: null, step: null, lastLines: [] },
        hint: `look at build ${waiting[index + 1]}: it has all that this one had`,
      });
    }
    expect((await cancel(newest)).status).to.equal(202);
    expect(await ci.build(newest)).to.deep.include({ result: "cancellation", stages: [] });
    await cancel(running.verdict.build);
    expect((await ci.finished(running.verdict.build)).result).to.equal("cancellation");
  });

  it("cannot be cancelled once it has ended", async () => {
    const { Dockerfile } = await (await import("../../lab/sample-app.ts")).sampleApp({ message: "" });
    const { verdict } = await ci.merge({ files: { Dockerfile: Dockerfile ?? "", "message.txt": "done\n" } });
    expect((await ci.finished(verdict.build)).result).to.equal("success");
    const response = await cancel(verdict.build);
    expect(response.status).to.equal(409);
    expect(await response.text()).to.contain(
      `build ${verdict.build} has ended with success; there is nothing to cancel`,
    );
    expect((await cancel(999_999)).status).to.equal(404);
  });
});

describe("a repository whose builds may run at once", function () {
  this.timeout(60_000);

  it("builds several merges at the same time, each from its own commit", async () => {
    const ci = await Tester.start({ concurrency: "parallel" });
    try {
      // Other words, or the engine would take both steps for one.
      const dockerfiles = [slow, slow.replace("echo begun", "echo both have begun")];
      const merges = [];
      for (const Dockerfile of dockerfiles) merges.push(await ci.merge({ files: { Dockerfile } }));
      for (const { verdict } of merges) await ci.logged(verdict.build, "begun\n");
      for (const { verdict } of merges) expect((await ci.build(verdict.build)).stage).to.equal("build");
      for (const { verdict } of merges) await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
      for (const { verdict, sha } of merges) {
        const build = await ci.finished(verdict.build);
        expect(build.result).to.equal("cancellation");
        expect(build.log).to.contain(`${sha} is laid out`);
      }
      const { verdict } = await ci.merge({ files: { Dockerfile: "FROM scratch\nCOPY message.txt /\n" } });
      expect((await ci.finished(verdict.build)).result).to.equal("success");
    } finally {
      await ci.stop();
    }
  });
});

describe("a full queue", function () {
  this.timeout(60_000);

  it("T10: keeps the delivery, builds nothing, says so, and builds on replay", async () => {
    const ci = await Tester.start({ limits: { queued_builds_per_repository_max: 2 } });
    try {
      const running = await ci.merge({ files: { Dockerfile: slow } });
      await ci.logged(running.verdict.build, "begun\n");
      const waiting = await ci.merge();
      const { verdict } = await ci.merge();
      expect(verdict).to.include({ verdict: "skip", build: null });
      expect(verdict.reason).to.equal("queue full: 2 builds of acme/shop wait already; replay the delivery later");
      expect((await ci.post("/images", { service: "shop", version: "1", type: "docker" })).status).to.equal(503);
      for (const { verdict: one } of [running, waiting])
        await ci.api(`/builds/${one.build}/cancel`, { method: "POST" });
      await ci.finished(running.verdict.build);
      const replayed = await ci.api(`/deliveries/${verdict.delivery}/replay`, { method: "POST" });
      expect(replayed.status).to.equal(202);
      const { build } = (await replayed.json()) as { build: number };
      await ci.api(`/builds/${build}/cancel`, { method: "POST" });
      await ci.finished(build);
    } finally {
      await ci.stop();
    }
  });
});
