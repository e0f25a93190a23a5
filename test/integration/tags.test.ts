// What tags name after builds: versions stay, latest goes forward, all else moves; by manifest, one build at a time.

import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createRegistry, type RegistryClient } from "../../ci-server/adapters/registry.ts";
import type { Manifest } from "../../ci-server/core/ports.ts";
import { closedPullRequest } from "../../lab/pull-request-delivery.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie, LyingProxy } from "../helpers/lying-proxy.ts";
import { type FinishedBuild, Tester, type TesterOptions, type Verdict } from "../helpers/tester.ts";

const never = new AbortController().signal;
const semver = ["type=semver,pattern={{version}}", "type=semver,pattern={{major}}.{{minor}}", "type=sha"];

function described(description: string, licenses: string): Record<string, string> {
  return { "org.opencontainers.image.description": description, "org.opencontainers.image.licenses": licenses };
}

function revision(sha: string): Record<string, string> {
  return { "org.opencontainers.image.revision": sha };
}

describe("the tags", function () {
  this.timeout(120_000);
  let lab: Lab;
  let registry: RegistryClient;
  let folder: string;
  let ci: Tester;
  let service = "";
  const proxies: LyingProxy[] = [];
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
    for (const proxy of proxies.splice(0)) await proxy.stop();
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });
  after(() => registry?.close());

  /** A CI whose one image no other test has tagged. */
  async function start(tags: readonly string[] | undefined, options: TesterOptions = {}): Promise<void> {
    service = `tags-${randomBytes(4).toString("hex")}`;
    ci = await Tester.start({ ...options, rules: { services: [{ name: service, ...(tags && { tags }) }] } });
  }

  /** The same with builds at once, and somebody between it and the registry. */
  async function startBehind(tags: readonly string[] | undefined, lie: Lie): Promise<void> {
    const { proxy, env } = await proxyRegistry(lab, folder, lie);
    proxies.push(proxy);
    await start(tags, { concurrency: "parallel", env });
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
    expect(manifest?.annotations).to.include(described("", ""));
    // A name that stays, whatever the others move on to.
    expect((await named(`build-${build.id}`))?.digest).to.equal(image?.digest);
  });

  it("come with what the forge says of the repository, of an image asked for by hand as the last merge's delivery said", async () => {
    await start(semver);
    const made = await ci.mergeQuietly({ message: "described" });
    const words = { description: "Sells\nthings", license: { spdx_id: "MIT" } };
    const payload = closedPullRequest({
      ...{ repository: ci.repository, cloneUrl: ci.cloneUrl, described: words },
      ...made,
    });
    const verdict = JSON.parse((await ci.deliver({ payload })).body) as Verdict;
    const merged = await ci.finished(verdict.build);
    expect((await named(`build-${merged.id}`))?.annotations, merged.log).to.include(described("Sells things", "MIT"));
    const sha = await commit("by hand");
    const byHand = await ask("3.0.0");
    const manifest = await named("3.0.0");
    expect(manifest?.annotations, byHand.log).to.include({ ...described("Sells things", "MIT"), ...revision(sha) });
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
    let looked = 0;
    const both = Promise.withResolvers<void>();
    // Whoever looks first sees nothing, and waits for the other one to look too; under a lock nobody else looks.
    await startBehind(semver, async ({ method, path }) => {
      if (method !== "GET" || !path.endsWith("/manifests/2.0.0") || ++looked > 2) return null;
      if (looked === 2) both.resolve();
      await Promise.race([both.promise, sleep(2_000)]);
      return null;
    });
    const branches = ["one", "two"];
    for (const branch of branches) await commit(branch, branch);
    const builds = await Promise.all(branches.map((branch) => ask("2.0.0", branch)));
    const text = builds.map(({ log }) => log).join("\n");
    expect(builds.map(({ result }) => result).sort(), text).to.deep.equal(["failure", "success"]);
    const winner = builds.find(({ result }) => result === "success");
    expect((await named("2.0.0"))?.digest).to.equal(winner?.images[0]?.digest);
    const loser = builds.find(({ result }) => result === "failure");
    expect(loser?.failure?.message).to.match(/^tag_exists: /);
    expect(loser?.failure).to.include({
      kind: "tag_exists",
      hint: "give the new content a new version: a version's tag is never moved",
    });
  });

  it("of one commit that is built twice at once go to the last one, and both are a success", async () => {
    const [proving, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let [isTagged, isAsked] = [false, false];
    await startBehind(undefined, async ({ method, path }) => {
      isTagged ||= method === "PUT" && path.includes("/manifests/build-");
      // After the tags it is the proof that asks by digest.
      if (method !== "GET" || !path.includes("/manifests/sha256:") || !isTagged || isAsked) return null;
      isAsked = true;
      proving.resolve();
      await goOn.promise;
      return null;
    });
    const merge = await ci.merge({ message: "twice" });
    // All of its tags are put, and it has not looked at them yet.
    await proving.promise;
    const byHand = await ask("3.0.0", merge.sha);
    goOn.resolve();
    const first = await ci.finished(merge.verdict.build);
    expect([first.result, byHand.result], first.log + byHand.log).to.deep.equal(["success", "success"]);
    const tag = `sha-${merge.sha.slice(0, 7)}`;
    const digest = byHand.images[0]?.digest;
    expect((await named(tag))?.digest).to.equal(digest);
    expect(first.log).to.contain(`acme/shop/${service}:${tag} names ${digest} by now, which another build has put`);
  });

  it("that float move by a manifest, and the engine pushes once for all of them", async () => {
    const asked: string[] = [];
    const watch: Lie = ({ method, path }) => {
      if (method !== "GET" || path.includes("/blobs/")) asked.push(`${method} ${path}`);
      return null;
    };
    const made = [await proxyEngine(lab, folder, watch), await proxyRegistry(lab, folder, watch)];
    proxies.push(...made.map(({ proxy }) => proxy));
    await start(semver, {
      env: Object.assign({ MERGEDOCK_ATTESTATIONS_ENABLED: "false" }, ...made.map(({ env }) => env)),
    });
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
    const [annotating, ...tagging] = asked.filter((call) => call.includes("/v2/"));
    expect(annotating).to.equal(`${path}/${digest}`);
    const tags = ["1.0.1", "1.0", `sha-${sha.slice(0, 7)}`, "latest", `build-${build.id}`];
    expect(tagging).to.have.members(tags.map((tag) => `${path}/${tag}`));
  });
});
