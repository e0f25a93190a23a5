// The way of an image to the registry, and to others: tried again alone, never built again, each with its own result.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { removeImages } from "../helpers/engine-images.ts";
import { type Lab, useLab } from "../helpers/lab.ts";
import { proxyRegistry } from "../helpers/lab-proxies.ts";
import type { Lie } from "../helpers/lying-proxy.ts";
import { type OtherRegistry, startOtherRegistry } from "../helpers/other-registry.ts";
import { type CommandEnd, runCommand } from "../helpers/run-command.ts";
import { Tester, type TesterOptions } from "../helpers/tester.ts";

describe("a push", function () {
  this.timeout(90_000);
  let lab: Lab;
  let folder: string;
  before(async () => {
    lab = await useLab();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "push-"));
  });
  afterEach(async () => {
    await removeImages(lab);
    await rm(folder, { recursive: true, force: true });
  });

  /** A server whose engine pushes through the proxy: loopback, so that the engine asks for no CA. */
  async function through(lie: Lie, work: (ci: Tester) => Promise<void>): Promise<void> {
    const { proxy, env } = await proxyRegistry(lab, folder, lie);
    const ci = await Tester.start({ env: { ...env, MERGEDOCK_REGISTRY_PUSH_HOST: `localhost:${proxy.port}` } });
    try {
      await work(ci);
    } finally {
      await ci.stop();
      for (const { Id, RepoTags } of await lab.docker.listImages())
        if (RepoTags?.some((tag) => tag.startsWith(`localhost:${proxy.port}/`)))
          await lab.docker.getImage(Id).remove({ force: true });
      await proxy.stop();
    }
  }

  const isOfBuild = (path: string) => /\/manifests\/build-\d+$/.test(path);

  it("that the registry answers with 503 is tried again, and the image is not built again", async () => {
    const refused = new Set(["PUT", "GET"]);
    // The proxy has passed it on: the tag is not there for whoever asks at once.
    const lie: Lie = ({ method, path }) =>
      isOfBuild(path) && refused.delete(method)
        ? { status: method === "PUT" ? 503 : 404, body: Buffer.from("{}") }
        : null;
    await through(lie, async (ci) => {
      const build = await ci.finished((await ci.merge({ message: "again" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.history).to.have.length(1);
      expect(build.log).to.match(/try 1 of 2 failed: pushing to localhost:\d+ failed: .*503/);
      expect(build.log.match(/COPY message.txt/g), build.log).to.have.length(1);
    });
  });

  it("that is cut off is tried again, and the image is not built again", async () => {
    const refused = new Set(["PUT", "GET"]);
    const lie: Lie = ({ method, path }) => {
      if (!isOfBuild(path) || !refused.delete(method)) return null;
      return method === "PUT"
        ? { status: 201, body: Buffer.from("{"), cut: true, headers: { "content-length": "100" } }
        : { status: 404, body: Buffer.from("{}") };
    };
    await through(lie, async (ci) => {
      const build = await ci.finished((await ci.merge({ message: "cut off" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.log.match(/COPY message.txt/g), build.log).to.have.length(1);
    });
  });

  it("waits as long as the registry asks for", async () => {
    let busy = true;
    const lie: Lie = ({ method, path }) => {
      if (!isOfBuild(path) || !busy) return null;
      // The engine is refused, and what the server asks then says for how long.
      busy = method === "PUT";
      return { status: 429, body: Buffer.from("{}"), headers: { "retry-after": "2" } };
    };
    await through(lie, async (ci) => {
      const build = await ci.finished((await ci.merge({ message: "patient" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.log, build.log).to.contain("again in 2 s");
    });
  });

  it("whose answer is lost is no second push", async () => {
    let pushes = 0;
    const lie: Lie = ({ method, path }) => {
      // What is put under the same tag later on is by the server.
      if (method !== "PUT" || !isOfBuild(path) || pushes > 0) return null;
      pushes += 1;
      return { status: 500, body: Buffer.from("{}") };
    };
    await through(lie, async (ci) => {
      const build = await ci.finished((await ci.merge({ message: "lost" })).verdict.build);
      expect(build, build.log).to.include({ result: "success" });
      expect(build.log).to.contain("the push broke off, but all of it is in the registry");
      expect(build.log.match(/The push refers to/g), build.log).to.have.length(1);
    });
  });

  it("that is refused is not tried again", async () => {
    const ci = await Tester.start({ env: { MERGEDOCK_REGISTRY_PASSWORD: "not the password of it" } });
    try {
      const build = await ci.finished((await ci.merge({ message: "refused" })).verdict.build);
      expect(build, build.log).to.include({ result: "error" });
      expect(build.failure).to.include({ code: "unauthorized" });
      expect(build.log).not.to.contain("try 1 of");
    } finally {
      await ci.stop();
    }
  });

  describe("to further registries", () => {
    let other: OtherRegistry;
    beforeEach(async () => {
      other = await startOtherRegistry(lab, folder);
    });
    afterEach(() => other.stop());

    async function rebuild(ci: Tester, id: number): Promise<number> {
      const answer = await ci.post(`/builds/${id}/rebuild`, {});
      return ((await answer.json()) as { build: number }).build;
    }

    async function withDestinations(
      password_file: string,
      pushTo: string[],
      work: (ci: Tester) => Promise<void>,
      options: TesterOptions = {},
    ) {
      const { host, caFile: ca_file, username } = other;
      const services = [{ name: "shop", push_to: pushTo }];
      const file = { registries: [{ host, ca_file, username, password_file }], workers: 1 };
      const ci = await Tester.start({ rules: { services }, file, limits: { trouble_seconds_max: 0 }, ...options });
      try {
        await work(ci);
      } finally {
        await ci.stop();
      }
    }

    it("brings the same image there, byte for byte, and says so for each", async () => {
      await withDestinations(
        other.passwordFile,
        [`${other.host}/team/shop`, `${lab.registry.host}/mirror/shop`],
        async (ci) => {
          const build = await ci.finished((await ci.merge({ message: "everywhere" })).verdict.build);
          expect(build, build.log).to.include({ result: "success" });
          const [image] = build.images;
          const hosts = [`${other.host}/team/shop`, `${lab.registry.host}/mirror/shop`];
          expect(image?.destinations).to.deep.equal(
            hosts.map((host) => ({ reference: `${host}@${image?.digest}`, result: "success", message: null })),
          );
          expect(await ci.run(`${lab.registry.host}/mirror/shop:${image?.tags[0]}`)).to.equal("everywhere\n");
        },
      );
    });

    /** As a stranger to the server would: with the other registry's CA and account, and the public key. */
    function verify(ci: Tester, reference: string): Promise<CommandEnd> {
      const key = join(ci.folder, "state/secrets/attestation-key.pub.pem");
      const account = ["--username", other.username, "--password-file", other.passwordFile];
      return runCommand(["verify", reference, "--key", key, "--registry-ca", other.caFile, ...account], { folder });
    }

    it("brings what is attested of the image too, and it is verified there, by tag and by digest", async () => {
      const [there, mirror] = [`${other.host}/team/shop`, `${lab.registry.host}/mirror/shop`];
      await withDestinations(other.passwordFile, [there, mirror], async (ci) => {
        const build = await ci.finished((await ci.merge({ message: "attested everywhere" })).verdict.build);
        expect(build, build.log).to.include({ result: "success" });
        const [image] = build.images;
        for (const reference of [`${there}@${image?.digest}`, `${there}:${image?.tags[0]}`]) {
          const { code, stdout, stderr } = await verify(ci, reference);
          expect(code, stderr).to.equal(0);
          expect(stdout).to.match(new RegExp(`^verified +${there}@${image?.digest}$`, "m"));
        }
        for (const place of [there, mirror])
          expect(build.log).to.contain(`${place}@${image?.digest} is attested there too`);
        // A second merge that reuses the image has a manifest of its own, and what is said of that one.
        const again = await ci.finished(await rebuild(ci, build.id));
        expect(again.images[0]?.reusedFrom, again.log).to.equal(build.id);
        expect(await verify(ci, `${there}@${again.images[0]?.digest}`)).to.include({ code: 0 });
      });
    });

    it("names the one that did not get what is attested, and keeps the others", async () => {
      const [there, mirror] = [`${other.host}/team/shop`, `${lab.registry.host}/mirror/shop`];
      // Who may push images there and no lists beside them.
      const lie: Lie = ({ method, path }) =>
        method === "PUT" && path.includes("/mirror/shop/manifests/sha256-")
          ? { status: 405, body: Buffer.from("no lists here") }
          : null;
      const { proxy, env } = await proxyRegistry(lab, folder, lie);
      const options = { env };
      try {
        await withDestinations(
          other.passwordFile,
          [mirror, there],
          async (ci) => {
            const build = await ci.finished((await ci.merge({ message: "unlisted" })).verdict.build);
            expect(build, build.log).to.include({ result: "error" });
            expect(build.failure?.message).to.contain(`pushing the attestations to ${mirror} failed`);
            expect(build.stages.at(-1)).to.include({ name: "attest", result: "error" });
            const [image] = build.images;
            expect(image?.destinations.map(({ result }) => result)).to.deep.equal(["error", "success"]);
            expect(image?.attestations).to.have.length(2);
            expect(await verify(ci, `${there}@${image?.digest}`)).to.include({ code: 0 });
          },
          options,
        );
      } finally {
        await proxy.stop();
      }
    });

    it("names the one that did not get it, keeps the others and the image, and is no success", async () => {
      const wrong = lab.account.passwordFile;
      await withDestinations(wrong, [`${other.host}/team/shop`, `${lab.registry.host}/mirror/shop`], async (ci) => {
        const build = await ci.finished((await ci.merge({ message: "not there" })).verdict.build);
        expect(build, build.log).to.include({ result: "error" });
        expect(build.failure?.message)
          .to.contain(`pushing to ${other.host}/team/shop failed`)
          .and.contain("password_file");
        expect(build.images[0]?.destinations.map(({ result }) => result)).to.deep.equal(["error", "success"]);
        expect(await ci.run(build.images[0]?.reference ?? "")).to.equal("not there\n");
      });
    });
  });
});
