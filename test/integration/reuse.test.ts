// No second build of the same: what an earlier build has made is found by what it was made from, and gets the new tags.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { pushBase } from "../helpers/base-image.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import { type FinishedBuild, type MergeOptions, Tester, type TesterOptions, type Verdict } from "../helpers/tester.ts";

describe("an image that was made before", function () {
  this.timeout(60_000);
  let ci: Tester;
  let base: string;
  before(async () => {
    ci = await Tester.start();
    base = `${ci.lab.registry.host}/reuse/base:1`;
    await ci.repository.commit({
      files: { ".dockerignore": "*.md\n", Dockerfile: dockerfile(base) },
      message: "Begin",
    });
  });
  // An engine of old cannot take it from the registry by itself.
  beforeEach(() => pushBase(ci.lab, base, "the first base"));
  afterEach(() => removeImages(ci.lab));
  after(() => ci?.stop());

  const dockerfile = (from: string) =>
    `FROM ${from}\nCOPY message.txt /\nRUN cat /base.txt\nCMD ["cat", "/message.txt"]\n`;

  async function built(options: MergeOptions): Promise<FinishedBuild & { readonly number: number }> {
    const { verdict, number } = await ci.merge(options);
    const build = await ci.finished(verdict.build);
    expect(build.result, build.log).to.equal("success");
    return { ...build, number };
  }

  async function rebuilt(id: number, body: object, headers: Record<string, string> = {}): Promise<FinishedBuild> {
    const response = await ci.api(`/builds/${id}/rebuild`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", ...headers },
    });
    expect(response.status).to.equal(202);
    const { build } = (await response.json()) as { build: number };
    expect(response.headers.get("location")).to.equal(`/api/v1/builds/${build}`);
    return ci.finished(build);
  }

  function expectReused(build: FinishedBuild, from: FinishedBuild): void {
    expect(build.log).to.contain(`shop: same as build ${from.id}: not built again`).and.not.contain("COPY message.txt");
    const [image, made] = [build.images[0], from.images[0]];
    // The same image; its manifest says of which merge it is this time.
    expect(image).to.include({ reusedFrom: from.id, key: made?.key, imageId: made?.imageId });
    expect(image?.bases).to.deep.equal(made?.bases);
  }

  it("is not built again for a merge that changes nothing it is made of, and gets the merge's tags", async () => {
    const first = await built({ message: "once" });
    expect(first.log).to.contain("COPY message.txt");
    const [image] = first.images;
    expect(image)
      .to.include({ reusedFrom: null })
      .and.property("key")
      .match(/^sha256:/);
    expect(image?.bases.map(({ reference }) => reference)).to.deep.equal([base]);
    expect(image?.bases[0]?.digest).to.match(/^sha256:/);
    const second = await built({ files: { "README.md": "more to read\n" } });
    expectReused(second, first);
    expect(second.images[0]?.tags).to.include(`pr-${second.number}`);
    expect(await ci.run(`${ci.lab.registry.host}/acme/shop:pr-${second.number}`)).to.equal("once\n");
    const third = await built({ files: { "README.md": "still more\n" } });
    expectReused(third, first);
  });

  it("is found again when a later merge takes a change back", async () => {
    const first = await built({ message: "there" });
    expect((await built({ message: "and" })).images[0]?.reusedFrom).to.equal(null);
    expectReused(await built({ message: "there" }), first);
  });

  it("is built again when the Dockerfile changed", async () => {
    const first = await built({ message: "another Dockerfile" });
    const Dockerfile = `${dockerfile(base)}ENV A=1\n`;
    const second = await built({ files: { Dockerfile } });
    expect(second.images[0]).to.include({ reusedFrom: null }).and.property("key").not.equal(first.images[0]?.key);
  });

  it("is built again when its base image changed", async () => {
    const first = await built({ message: "another base" });
    await pushBase(ci.lab, base, "the second base");
    const second = await built({ files: { "README.md": "of the second base\n" } });
    expect(second.images[0]?.reusedFrom).to.equal(null);
    expect(second.images[0]?.bases[0]?.digest).not.to.equal(first.images[0]?.bases[0]?.digest);
    expect(second.log).to.contain("the second base");
  });

  it("is built again with no_cache, none of its steps from the engine's cache, and is then the one that is found", async () => {
    const first = await built({ message: "anew" });
    const again = await rebuilt(first.id, { no_cache: true });
    expect(again, again.log).to.include({ result: "success", trigger: "manual", sha: first.sha, noCache: true });
    expect(again.pullRequest).to.deep.equal(first.pullRequest);
    expect(again.log).to.contain("built anew, as asked (no_cache)").and.contain("the first base");
    expect(again.images[0]?.tags).to.deep.equal(first.images[0]?.tags);
    expect(again.images[0]).to.include({ reusedFrom: null, key: first.images[0]?.key });
    expectReused(await built({ files: { "README.md": "after no_cache\n" } }), again);
  });

  it("is found by a rebuild, which is the same build under the same key of idempotency", async () => {
    const first = await built({ message: "asked for again" });
    const key = { "idempotency-key": "a rebuild".replace(" ", "-") };
    const again = await rebuilt(first.id, {}, key);
    expectReused(again, first);
    expect((await rebuilt(first.id, {}, key)).id).to.equal(again.id);
  });

  it("is found by a build that was asked for by hand, unless that says no_cache", async () => {
    const first = await built({ message: "by hand" });
    const ask = async (more: object) => {
      const response = await ci.post("/images", { service: "shop", type: "docker", ...more });
      return ci.finished(((await response.json()) as { build: number }).build);
    };
    expectReused(await ask({ version: `1.0.${first.id}` }), first);
    const anew = await ask({ version: `1.1.${first.id}`, no_cache: true });
    expect(anew.images[0]?.reusedFrom).to.equal(null);
    expect(anew.log).to.contain("the first base");
  });

  it("T11: is not made by asking again for a commit that is not on its base branch", async () => {
    const evil = await ci.repository.commit({ branch: "fork", files: { "message.txt": "evil" }, message: "evil" });
    const { pullRequest } = await ci.mergeQuietly();
    const forge = { repository: ci.repository, cloneUrl: ci.cloneUrl, pullRequest };
    const payload = closedPullRequest({ ...forge, merge: { mergeCommitSha: evil } });
    const refused = await ci.finished((JSON.parse((await ci.deliver({ payload })).body) as Verdict).build);
    const again = await rebuilt(refused.id, {});
    for (const build of [refused, again]) expect(build).to.deep.include({ result: "failure", sha: evil, images: [] });
    expect(again.failure?.message).to.contain(`does not have ${evil} on main`);
  });

  it("cannot be asked for again where there is no such build, or nothing that can be understood", async () => {
    for (const [path, body, status] of [
      ["/builds/999999/rebuild", {}, 404],
      ["/builds/x/rebuild", {}, 404],
      ["/builds/1/rebuild", { cache: false }, 400],
      ["/builds/1/rebuild", { no_cache: "yes" }, 400],
    ] as const)
      expect((await ci.post(path, body)).status, `${path} ${JSON.stringify(body)}`).to.equal(status);
  });
});

describe("an image that cannot be taken from before", function () {
  this.timeout(60_000);
  before(() => useLab());

  afterEach(async () => removeImages(await useLab()));

  async function withTester<T>(options: TesterOptions, work: (ci: Tester) => Promise<T>): Promise<T> {
    const ci = await Tester.start(options);
    try {
      return await work(ci);
    } finally {
      await ci.stop();
    }
  }

  it("is neither built nor pushed by the engine where it was made before", async () => {
    const lab = await useLab();
    const folder = await mkdtemp(join(tmpdir(), "asked-"));
    const asked: string[] = [];
    const { proxy, env } = await proxyEngine(lab, folder, ({ path }) => {
      if (/^\/build\?|\/push\?/.test(path)) asked.push(path);
      return null;
    });
    try {
      await withTester({ env }, async (ci) => {
        await ci.repository.commit({ files: { ".dockerignore": "*.md\n" }, message: "Ignore" });
        await ci.finished((await ci.merge({ message: "once and for all" })).verdict.build);
        expect(asked).to.have.length(2);
        const second = await ci.finished((await ci.merge({ files: { "README.md": "x\n" } })).verdict.build);
        expect(second.images[0]?.reusedFrom, second.log).to.be.a("number");
        expect(asked).to.have.length(2);
      });
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("is built where its recipe says no_cache", async () => {
    const services = [{ name: "shop", no_cache: true }];
    await withTester({ rules: { services } }, async (ci) => {
      await ci.repository.commit({ files: { ".dockerignore": "*.md\n" }, message: "Ignore" });
      const first = await ci.finished((await ci.merge({ message: "never cached" })).verdict.build);
      const second = await ci.finished((await ci.merge({ files: { "README.md": "x\n" } })).verdict.build);
      expect(second.images[0]).to.include({ reusedFrom: null, key: first.images[0]?.key });
      expect(second.log)
        .to.contain("built anew")
        .and.not.match(/^build +#\d+ CACHED/m);
    });
  });

  it("is built where the registry has lost it", async () => {
    const lab = await useLab();
    const folder = await mkdtemp(join(tmpdir(), "lost-"));
    let lost: string | null = null;
    const { proxy, env } = await proxyRegistry(lab, folder, ({ method, path }) => {
      if (method !== "GET" || lost === null || !path.endsWith(lost)) return null;
      lost = null;
      return { status: 404, body: Buffer.from("{}") };
    });
    try {
      await withTester({ env }, async (ci) => {
        await ci.repository.commit({ files: { ".dockerignore": "*.md\n" }, message: "Ignore" });
        const first = await ci.finished((await ci.merge({ message: "lost" })).verdict.build);
        lost = first.images[0]?.digest ?? "";
        const second = await ci.finished((await ci.merge({ files: { "README.md": "x\n" } })).verdict.build);
        expect(second, second.log).to.include({ result: "success" });
        expect(second.log).to.contain(`the same as build ${first.id}, but the registry does not have that any more`);
        expect(second.images[0]?.reusedFrom).to.equal(null);
      });
    } finally {
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });

  it("fails at once where a base image is nowhere to be found", async () => {
    await withTester({}, async (ci) => {
      const reference = `${ci.lab.registry.host}/reuse/none:1`;
      const build = await ci.finished((await ci.merge({ files: { Dockerfile: `FROM ${reference}\n` } })).verdict.build);
      expect(build.failure?.message).to.contain(`the base image ${reference} cannot be had: not found`);
      expect(build.stages.at(-1)).to.include({ name: "build", result: "failure" });
    });
  });
});

describe("a second attempt of a build that was asked for by hand", function () {
  this.timeout(60_000);
  before(() => useLab());
  afterEach(async () => removeImages(await useLab()));

  it("builds the commit that the first one found, though the branch has moved on", async () => {
    const lab = await useLab();
    const folder = await mkdtemp(join(tmpdir(), "moved-"));
    let move: (() => Promise<unknown>) | null = null;
    const { proxy, env } = await proxyEngine(lab, folder, async ({ path }, truth) => {
      if (!path.includes("/build?") || move === null) return null;
      await move();
      move = null;
      return { ...truth, body: Buffer.from('{"stream":'), cut: true };
    });
    const ci = await Tester.start({ env, limits: { attempts_max: 1 } });
    try {
      const found = await ci.repository.resolve("main");
      move = () => ci.repository.commit({ files: { "message.txt": "moved on\n" }, message: "Move on" });
      const asked = await ci.post("/images", { service: "shop", version: `moved-${Date.now()}`, type: "docker" });
      const build = await ci.finished(((await asked.json()) as { build: number }).build);
      expect(build, build.log).to.include({ result: "success", sha: found });
      expect(build.history).to.have.length(2);
      expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("hello from the first commit\n");
    } finally {
      await ci.stop();
      await proxy.stop();
      await rm(folder, { recursive: true });
    }
  });
});
