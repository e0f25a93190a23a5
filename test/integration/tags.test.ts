// What tags name after builds: versions stay, latest goes forward, all else moves; by manifest, one build at a time.

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { createRegistry, type RegistryClient } from "../../ci-server/adapters/registry.ts";
import type { Manifest } from "../../ci-server/core/ports.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { type FinishedBuild, Tester, type TesterOptions, type Verdict } from "../helpers/tester.ts";

const never = new AbortController().signal;
const semver = ["type=semver,pattern={{version}}", "type=semver,pattern={{major}}.{{minor}}", "type=sha"];

describe("the tags", function () {
  this.timeout(120_000);
  let lab: Lab;
  let registry: RegistryClient;
  let folder: string;
  let ci: Tester;
  let service = "";
  let started = 0;
  before(async () => {
    lab = await useLab();
    const ca = await readFile(lab.registry.caFile, "utf8");
    registry = createRegistry({ apiUrl: lab.registry.apiUrl, ca, ...lab.account, timeoutMs: 5_000 });
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tags-"));
  });
  afterEach(async () => {
    await ci?.stop();
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });
  after(() => registry?.close());

  /** A CI whose one image no other test has tagged. */
  async function start(tags: readonly string[] | undefined, options: TesterOptions = {}): Promise<void> {
    service = `tags-${++started}`;
    ci = await Tester.start({ ...options, rules: { services: [{ name: service, ...(tags && { tags }) }] } });
  }

  async function named(tag: string): Promise<Manifest | null> {
    return registry.manifest(`acme/shop/${service}`, tag, never);
  }

  async function commitOf(tag: string): Promise<string | undefined> {
    return (await named(tag))?.annotations["org.opencontainers.image.revision"];
  }

  async function ask(version: string, ref = "main"): Promise<FinishedBuild> {
    return ci.finished(await request(version, ref));
  }

  async function request(version: string, ref = "main"): Promise<number> {
    const answer = await ci.post("/images", { service, version, type: "docker", ref });
    return ((await answer.json()) as { build: number }).build;
  }

  function commit(message: string, branch = "main"): Promise<string> {
    return ci.repository.commit({ branch, files: { "message.txt": `${message}\n` }, message });
  }

  it("go forward only: an older merge that is built after a newer one leaves latest to it", async () => {
    await start(undefined);
    const older = await ci.mergeQuietly({ message: "older" });
    const newer = await ci.merge({ message: "newer" });
    const first = await ci.finished(newer.verdict.build);
    expect(first.images[0]?.tags, first.log).to.include("latest");
    const payload = closedPullRequest({ repository: ci.repository, cloneUrl: ci.cloneUrl, ...older });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    const second = await ci.finished(verdict.build);
    const { mergeCommitSha } = older.merge;
    expect(second.log).to.contain(`its commit ${newer.sha} comes after ${mergeCommitSha}`);
    expect(second.images[0]?.tags).to.deep.equal([
      `pr-${older.pullRequest.number}`,
      `sha-${mergeCommitSha.slice(0, 7)}`,
    ]);
    expect([await commitOf("latest"), await commitOf(`pr-${older.pullRequest.number}`)]).to.deep.equal([
      newer.sha,
      mergeCommitSha,
    ]);
    const next = await ci.merge({ message: "the newest" });
    await ci.finished(next.verdict.build);
    expect(await commitOf("latest")).to.equal(next.sha);
  });

  it("leave latest to the default branch, whatever the rules of another one say", async () => {
    await start(["type=ref,event=branch", "type=raw,value=latest"]);
    const main = await ci.merge({ message: "main" });
    await ci.finished(main.verdict.build);
    await ci.repository.commit({ branch: "release/1", files: {}, message: "Begin a release" });
    const release = await ci.finished((await ci.merge({ base: "release/1", message: "release" })).verdict.build);
    expect(release.images[0]?.tags, release.log).to.deep.equal(["release-1"]);
    expect(release.log).to.contain("latest is left as it is: it moves with the default branch main only");
    expect([await commitOf("latest"), await commitOf("main")]).to.deep.equal([main.sha, main.sha]);
  });

  it("say in the manifest what the labels say in the image", async () => {
    await start(undefined);
    const merge = await ci.merge({ message: "annotated" });
    const build = await ci.finished(merge.verdict.build);
    const [image] = build.images;
    const manifest = await named("latest");
    expect(manifest?.digest).to.equal(image?.digest);
    expect(manifest?.mediaType).to.equal("application/vnd.oci.image.manifest.v1+json");
    expect(await ci.run(image?.reference ?? "")).to.equal("annotated\n");
    expect(manifest?.annotations).to.deep.include({
      "org.opencontainers.image.title": service,
      "org.opencontainers.image.version": `pr-${merge.number}`,
      "org.opencontainers.image.revision": merge.sha,
      "dev.mergedock.repository": "acme/shop",
    });
    const pushed = await named(`build-${build.id}`);
    expect([pushed?.configDigest, pushed?.annotations]).to.deep.equal([manifest?.configDigest, {}]);
  });

  it("T27: name a version once and for all: the same content again is nothing to do, another one is refused", async () => {
    await start(semver);
    const sha = await ci.repository.resolve("main");
    const first = await ask("v1.0.0");
    expect(first.images[0]?.tags, first.log).to.deep.equal([
      "1.0.0",
      "1.0",
      "v1.0.0",
      `sha-${sha.slice(0, 7)}`,
      "latest",
    ]);
    const { digest } = (await named("1.0.0")) ?? { digest: "" };
    const again = await ask("v1.0.0");
    expect(again, again.log).to.include({ result: "success" });
    for (const tag of ["1.0.0", "v1.0.0"])
      expect(again.log).to.contain(`acme/shop/${service}:${tag} names this content already, as ${digest}`);
    const other = await commit("other content");
    const refused = await ask("v1.0.0");
    expect(refused).to.deep.include({ result: "failure", images: [] });
    expect(refused.failure?.code).to.equal("conflict");
    expect(refused.failure?.message)
      .to.match(/^tag_exists: /)
      .and.contain(`acme/shop/${service}:1.0.0 names ${digest} of commit ${sha} already`);
    expect([(await named("1.0.0"))?.digest, (await named("v1.0.0"))?.digest]).to.deep.equal([digest, digest]);
    // Nothing else was put before the versions were looked at.
    expect([await commitOf("latest"), await named(`sha-${other.slice(0, 7)}`)]).to.deep.equal([sha, null]);
  });

  it("T27: give a version that two builds want at once to one of them", async () => {
    await start(semver, { concurrency: "parallel" });
    const branches = ["one", "two"];
    for (const branch of branches) await commit(branch, branch);
    const builds = await Promise.all(branches.map((branch) => ask("2.0.0", branch)));
    expect(builds.map(({ result }) => result).sort(), builds.map(({ log }) => log).join("\n")).to.deep.equal([
      "failure",
      "success",
    ]);
    const winner = builds.find(({ result }) => result === "success");
    expect((await named("2.0.0"))?.digest).to.equal(winner?.images[0]?.digest);
    expect(builds.find(({ result }) => result === "failure")?.failure?.message).to.match(/^tag_exists: /);
  });

  it("of one commit that is built twice at once go to the last one, and both are a success", async () => {
    await start(undefined, { concurrency: "parallel" });
    const merge = await ci.merge({ message: "twice" });
    const byHand = await request("3.0.0", merge.sha);
    const builds = await Promise.all([ci.finished(merge.verdict.build), ci.finished(byHand)]);
    expect(
      builds.map(({ result }) => result),
      builds.map(({ log }) => log).join("\n"),
    ).to.deep.equal(["success", "success"]);
    const digests = builds.map(({ images }) => images[0]?.digest);
    expect(digests).to.include((await named(`sha-${merge.sha.slice(0, 7)}`))?.digest);
  });

  it("that float move by a manifest, and the engine pushes once for all of them", async () => {
    const asked: string[] = [];
    const watch: Lie = ({ method, path }) => {
      if (method !== "GET" || path.includes("/blobs/")) asked.push(`${method} ${path}`);
      return null;
    };
    const proxies: LabProxy[] = [await proxyEngine(lab, folder, watch), await proxyRegistry(lab, folder, watch)];
    try {
      await start(semver, { env: Object.assign({}, ...proxies.map(({ env }) => env)) });
      await ask("1.0.0");
      const sha = await commit("a later one");
      asked.length = 0;
      const build = await ask("1.0.1");
      expect(await Promise.all(["1.0.1", "1.0", "latest"].map(commitOf)), build.log).to.deep.equal([sha, sha, sha]);
      const pushes = asked.filter((call) => call.includes("/push?"));
      expect(pushes).to.have.length(1);
      expect(pushes[0]).to.contain(`tag=build-${build.id}`);
      const path = `PUT /v2/acme/shop/${service}/manifests`;
      const { digest } = (await named("latest")) ?? {};
      expect(asked.filter((call) => call.includes("/v2/"))).to.deep.equal(
        [digest, "1.0.1", "1.0", `sha-${sha.slice(0, 7)}`, "latest"].map((reference) => `${path}/${reference}`),
      );
    } finally {
      await Promise.all(proxies.map(({ proxy }) => proxy.stop()));
    }
  });
});
