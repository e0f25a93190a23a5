// A build is a success only when the registry itself shows the image: here the registry, or the engine, lies.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { type LabProxy, proxyEngine, proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { type FinishedBuild, Tester } from "../helpers/tester.ts";

const isByDigest = (path: string) => /^\/v2\/.*\/manifests\/sha256:/.test(path);
const isByTag = (path: string) => /^\/v2\/.*\/manifests\/(?!sha256:)/.test(path);
const nothing = { status: 404, body: Buffer.from("{}") };

describe("the proof", function () {
  this.timeout(60_000);
  let lab: Lab;
  let folder: string;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "proof-"));
  });
  afterEach(async () => {
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  /** One merge through a server that sees the registry or the engine through the proxy. */
  async function build({ proxy, env }: LabProxy): Promise<FinishedBuild> {
    // Trouble of ours is at once a result here: it is what the tests look at.
    const ci = await Tester.start({ env, limits: { attempts_max: 1, trouble_seconds_max: 0 } });
    try {
      const { verdict } = await ci.merge({ message: `lie ${Math.random()}` });
      const ended = await ci.finished(verdict.build);
      expect(proxy.lies, "the lie was told").to.be.greaterThan(0);
      return ended;
    } finally {
      await ci.stop();
      await proxy.stop();
    }
  }

  async function throughRegistry(lie: Lie): Promise<FinishedBuild> {
    return build(await proxyRegistry(lab, folder, lie));
  }

  async function throughEngine(lie: Lie): Promise<FinishedBuild> {
    return build(await proxyEngine(lab, folder, lie));
  }

  it("fails when the registry does not have the manifest", async () => {
    const build = await throughRegistry(({ method, path }) => (method === "GET" && isByDigest(path) ? nothing : null));
    expect(build).to.deep.include({ images: [] }).and.not.include({ result: "success" });
    expect(build.failure?.message).to.contain("the registry does not have");
  });

  it("fails when the registry loses the manifest after the push", async () => {
    let isTagged = false;
    const build = await throughRegistry(({ method, path }) => {
      isTagged ||= method === "PUT" && isByTag(path);
      // After the tags it is the proof that asks.
      return method === "GET" && isByDigest(path) && isTagged ? nothing : null;
    });
    expect(build).to.deep.include({ result: "error", images: [] });
    expect(build.failure?.message).to.contain("after the push");
    expect(build.stages.at(-1)).to.include({ name: "prove", result: "error" });
  });

  it("fails when the registry gives other bytes under the digest", async () => {
    const build = await throughRegistry(({ method, path }, truth) =>
      method === "GET" && isByDigest(path) ? { ...truth, body: Buffer.concat([truth.body, Buffer.from(" ")]) } : null,
    );
    expect(build).to.deep.include({ result: "failure", images: [] });
    expect(build.failure?.message).to.contain("with other bytes");
  });

  it("fails when a tag names another manifest", async () => {
    const build = await throughRegistry(({ method, path }, truth) =>
      method === "GET" && isByTag(path) ? { ...truth, body: Buffer.concat([truth.body, Buffer.from(" ")]) } : null,
    );
    expect(build).to.deep.include({ result: "failure", images: [] });
    expect(build.failure?.message).to.contain("something else writes this tag");
  });

  it("fails when the engine names the digest of another image", async () => {
    const ci = await Tester.start();
    const other = await ci.finished((await ci.merge({ message: "another image" })).verdict.build);
    await ci.stop();
    const digest = other.images[0]?.digest ?? "";
    const build = await throughEngine(({ path }, truth) => {
      const text = truth.body.toString("utf8");
      return path.includes("/push?")
        ? { ...truth, body: Buffer.from(text.replaceAll(/sha256:[0-9a-f]{64}/g, digest)) }
        : null;
    });
    expect(build).to.deep.include({ result: "error", images: [] });
    expect(build.failure?.message).to.match(/is of image sha256:[0-9a-f]{64}, but sha256:[0-9a-f]{64} was built/);
  });

  const torn: [string, string, (body: Buffer) => Buffer, string][] = [
    ["ends a build without an image", "/build?", (body) => withoutLine(body, "moby.image.id"), "without an image"],
    [
      "breaks off a build in the middle of a line",
      "/build?",
      (body) => body.subarray(0, body.length - 40),
      "broke off",
    ],
    [
      "names an image that it does not have",
      "/build?",
      (body) => withId(body, `sha256:${"0".repeat(64)}`),
      "without an image",
    ],
  ];
  for (const [what, path, change, words] of torn) {
    it(`F3: fails when the engine ${what}`, async () => {
      const build = await throughEngine((asked, truth) =>
        asked.path.includes(path) ? { ...truth, body: change(truth.body) } : null,
      );
      expect(build).to.deep.include({ result: "error", images: [] });
      expect(build.failure?.message).to.contain(words);
    });
  }

  it("F3: asks the registry when the engine ends a push without a digest", async () => {
    const build = await throughEngine(({ path }, truth) =>
      path.includes("/push?") ? { ...truth, body: withoutLine(truth.body, '"aux"') } : null,
    );
    expect(build, build.log).to.include({ result: "success" });
    expect(build.log).to.contain("without a digest").and.contain("all of it is in the registry");
  });

  it("F3: fails when the engine's connection breaks in the middle of a build", async () => {
    const build = await throughEngine(({ path }, truth) =>
      path.includes("/build?")
        ? { ...truth, body: truth.body.subarray(0, truth.body.indexOf("\n") + 1), cut: true }
        : null,
    );
    expect(build).to.deep.include({ result: "error", images: [] });
  });
});

function withoutLine(body: Buffer, words: string): Buffer {
  return Buffer.from(
    body
      .toString("utf8")
      .split("\n")
      .filter((line) => !line.includes(words))
      .join("\n"),
  );
}

function withId(body: Buffer, id: string): Buffer {
  return Buffer.from(body.toString("utf8").replaceAll(/"ID":"sha256:[0-9a-f]{64}"/g, `"ID":"${id}"`));
}
