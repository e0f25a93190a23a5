// What core/ports/builder.ts promises of Builder: the engine has what an image is FROM, at its digest, before it builds.

import { join } from "node:path";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";
import type { BaseImage } from "../../ci-server/core/build.ts";
import { AppError } from "../../ci-server/core/errors.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import { trustRegistry } from "../../lab/trust-registry.ts";
import { type BuilderBench, builderContract } from "../helpers/builder-bench.ts";
import { runImage } from "../helpers/engine-images.ts";

interface Refusal {
  readonly bases: readonly BaseImage[];
  readonly credentials?: Parameters<BuilderBench["create"]>[0];
}

builderContract("Builder and base images", (bench) => {
  /** A private image in the lab's registry, which the engine has forgotten. */
  async function pushBase(content: string): Promise<BaseImage> {
    await bench.put(await sampleApp({ message: content }));
    const asked = { image: "private/base" };
    const digest = await bench.builder.push(bench.request(asked), await bench.build(asked));
    const reference = `${bench.lab.registry.host}/private/base:build-1`;
    await bench.lab.docker.getImage(reference).remove({ force: true });
    await bench.put({ Dockerfile: `FROM ${reference}\n` });
    bench.written = [];
    return { reference, digest };
  }

  function pulls(): number {
    return bench.lines.filter((line) => line.startsWith("pulling the base image")).length;
  }

  async function refused({ bases, credentials = {} }: Refusal): Promise<Record<string, unknown>> {
    const error: unknown = await bench
      .create(credentials)
      .build(bench.request({ request: { bases } }))
      .catch((thrown) => thrown);
    if (!(error instanceof AppError)) throw new Error(`it did not fail as it should: ${String(error)}`);
    return { code: error.code, message: error.message, ...(error.details.failure as object | undefined) };
  }

  it("pulls a private one over verified TLS, once, and says so in one line", async () => {
    const base = await pushBase("private");
    const built = await bench.build({ request: { bases: [base] } });
    expect(await runImage(bench.lab, built.imageId)).to.equal("private\n");
    expect(bench.lines[0]).to.equal(`pulling the base image ${base.reference}`);
    await bench.build({ request: { bases: [base] } });
    expect(pulls()).to.equal(1);
  });

  it("pulls one that is named by its digest", async () => {
    const { digest } = await pushBase("by digest");
    const reference = `${bench.lab.registry.host}/private/base@${digest}`;
    await bench.put({ Dockerfile: `FROM ${reference}\n` });
    const built = await bench.build({ request: { bases: [{ reference, digest }] } });
    expect(await runImage(bench.lab, built.imageId)).to.equal("by digest\n");
  });

  it("pulls one anew when the engine has an older image of that name", async () => {
    await pushBase("older");
    const newer = await pushBase("newer");
    await bench.put(await sampleApp({ message: "older" }));
    await bench.build({ image: "private/base" });
    await bench.put({ Dockerfile: `FROM ${newer.reference}\n` });
    const built = await bench.build({ request: { bases: [newer] } });
    expect(await runImage(bench.lab, built.imageId)).to.equal("newer\n");
  });

  it("builds on an image that only the engine has", async () => {
    await bench.put(await sampleApp({ message: "local" }));
    const { imageId, tag } = await bench.build({ image: "local/base" });
    const reference = `${bench.lab.registry.host}/local/base:${tag}`;
    await bench.put({ Dockerfile: `FROM ${reference}\n` });
    const built = await bench.build({ request: { bases: [{ reference, digest: imageId }] } });
    expect(await runImage(bench.lab, built.imageId)).to.equal("local\n");
    expect(pulls()).to.equal(0);
  });

  it("begins anew when the tag has moved since it was looked at", async () => {
    const { reference } = await pushBase("moved");
    const digest = `sha256:${"0".repeat(64)}`;
    const refusal = await refused({ bases: [{ reference, digest }] });
    expect(refusal).to.include({ code: "unavailable" });
    expect(refusal.message).to.contain(`was ${digest} when the build began`);
  });

  it("says of one that is not there to check its name", async () => {
    const reference = `${bench.lab.registry.host}/private/nothing:1`;
    const refusal = await refused({ bases: [{ reference, digest: `sha256:${"0".repeat(64)}` }] });
    expect(refusal).to.include({ code: "build_failed", kind: "base_image", hint: "check its name and its tag" });
    expect(refusal.message).to.match(/^the base image .*private\/nothing:1 cannot be had: manifest for .* not found/);
  });

  for (const [what, credentials] of [
    ["without credentials", { credentials: new Map() }],
    ["with a wrong password", { password: "wrong" }],
  ] as const) {
    it(`says where credentials belong when it is asked for ${what}`, async () => {
      const refusal = await refused({ bases: [await pushBase(what)], credentials });
      expect(refusal).to.include({ code: "unauthorized", kind: "base_image" });
      expect(refusal.hint).to.contain(`a password for ${bench.lab.registry.host} under "registries" in mergedock.yml`);
    });
  }

  it("T29: says how the engine learns to trust when another CA has signed", async () => {
    const base = await pushBase("untrusted");
    const other = await makeCertificates({ folder: join(bench.folder, "other"), hosts: ["localhost"] });
    await trustRegistry({ host: bench.lab.registry.host, caFile: other.caFile });
    try {
      const refusal = await refused({ bases: [base] });
      expect(refusal).to.include({ code: "forbidden", kind: "base_image" });
      expect(refusal.hint).to.contain(`/etc/docker/certs.d/${bench.lab.registry.host}/ca.crt`);
    } finally {
      await trustRegistry(bench.lab.registry);
    }
  });

  it("takes a registry that does not answer for trouble that may pass", async () => {
    const reference = "192.0.2.10:1/base:1";
    const refusal = await refused({ bases: [{ reference, digest: `sha256:${"0".repeat(64)}` }] });
    expect(refusal).to.include({ code: "unavailable", kind: "base_image" });
    expect(refusal.hint).to.contain("is 192.0.2.10:1 running");
  });

  it("asks for credentials over the session for one that was not known, or says why BuildKit cannot have it", async () => {
    const base = await pushBase("unknown");
    const { Version: version } = await bench.lab.docker.version();
    // BuildKit of 20.10 ignores certs.d, whatever the credentials.
    if (version.startsWith("20.")) {
      expect(await refused({ bases: [] })).to.include({ code: "forbidden", kind: "base_image" });
      return;
    }
    expect(await runImage(bench.lab, (await bench.build()).imageId)).to.equal("unknown\n");
    await bench.lab.docker.pruneImages();
    await pushBase("unknown to a stranger");
    const refusal = await refused({ bases: [], credentials: { password: "wrong" } });
    expect(refusal).to.include({ code: "unauthorized", kind: "base_image" });
    expect(base.digest).to.match(/^sha256:/);
  });
});
