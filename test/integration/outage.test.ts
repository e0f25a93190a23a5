// Trouble of ours is no result: git remote, engine or registry are away for a while, and the build waits for them. What the user
// has to mend is a result at once.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { startGitServer } from "../../lab/git-server.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { Tester, type Verdict } from "../helpers/tester.ts";

const troubled = { status: 503, body: Buffer.from('{"message":"out of order"}') };

describe("a build while something is away", function () {
  this.timeout(60_000);
  let lab: Lab;
  let folder: string;
  let isAway: boolean;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "outage-"));
    isAway = true;
  });
  afterEach(async () => {
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  /** One try at each step, so that what is seen is the giving back of the build. */
  async function withProxy(proxied: LabProxy, work: (ci: Tester) => Promise<void>): Promise<void> {
    const ci = await Tester.start({ env: proxied.env, limits: { attempts_max: 1 } });
    try {
      await work(ci);
    } finally {
      await ci.stop();
      await proxied.proxy.stop();
    }
  }

  async function comesBack(ci: Tester, words: string): Promise<string> {
    const { verdict } = await ci.merge({ message: `outage ${Math.random()}` });
    await ci.logged(verdict.build, "is given back");
    isAway = false;
    const build = await ci.finished(verdict.build);
    expect(build, build.log).to.include({ result: "success", failure: null });
    expect(build.history.map(({ outcome }) => outcome)).to.deep.equal([
      ...Array(build.history.length - 1).fill("given_back"),
      "ended",
    ]);
    expect(build.history.length).to.be.greaterThan(1);
    expect(build.log).to.contain(words);
    return build.log;
  }

  it("goes on when the git remote is back", async () => {
    const ci = await Tester.start({ limits: { attempts_max: 1 } });
    const port = Number(new URL(ci.git.url).port);
    const merged = await ci.mergeQuietly();
    await ci.git.stop();
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl: ci.cloneUrl, ...merged });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    await ci.logged(verdict.build, "is given back");
    const again = await startGitServer({ root: join(ci.folder, "forge"), port });
    try {
      const build = await ci.finished(verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.log).to.contain("could not be fetched");
    } finally {
      await ci.stop();
      await again.stop();
    }
  });

  it("goes on when the engine is back", async () => {
    const lie: Lie = ({ path }) => (isAway && path.includes("/build?") ? troubled : null);
    await withProxy(await proxyEngine(lab, folder, lie), async (ci) => {
      await comesBack(ci, "is in trouble");
    });
  });

  it("goes on when the registry is back, and does not build again", async () => {
    const lie: Lie = ({ path }) => (isAway && path.includes("/manifests/") ? troubled : null);
    await withProxy(await proxyRegistry(lab, folder, lie), async (ci) => {
      expect(await comesBack(ci, "answered")).to.contain("it is not built again");
    });
  });

  it("is cancelled at once while it waits for its next try", async () => {
    const lie: Lie = ({ path }) => (path.includes("/build?") ? troubled : null);
    await withProxy(await proxyEngine(lab, folder, lie), async (ci) => {
      const { verdict } = await ci.merge({ message: "given back" });
      while ((await ci.countRows("pgboss.job where state = 'retry'")) === 0);
      await ci.api(`/builds/${verdict.build}/cancel`, { method: "POST" });
      expect(await ci.build(verdict.build)).to.include({ result: "cancellation" });
    });
  });

  it("ends as an error when that lasts too long", async () => {
    const proxied = await proxyEngine(lab, folder, ({ path }) => (path.includes("/build?") ? troubled : null));
    const ci = await Tester.start({ env: proxied.env, limits: { attempts_max: 1, trouble_seconds_max: 6 } });
    try {
      const build = await ci.finished((await ci.merge({ message: "too long" })).verdict.build);
      expect(build).to.deep.include({ result: "error" });
      expect(build.failure).to.include({ code: "unavailable" });
      expect(build.history.length).to.be.greaterThan(1);
    } finally {
      await ci.stop();
      await proxied.proxy.stop();
    }
  });

  it("is not tried again when it is the user's step that fails", async () => {
    const ci = await Tester.start();
    try {
      const files = { Dockerfile: 'FROM scratch\nCOPY busybox /sh\nRUN ["/sh", "false"]\n' };
      const build = await ci.finished((await ci.merge({ files })).verdict.build);
      expect(build).to.include({ result: "failure" });
      expect(build.history).to.have.length(1);
    } finally {
      await ci.stop();
    }
  });
});
