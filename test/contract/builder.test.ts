// What core/ports/builder.ts promises of Builder: an image on the engine, and in the registry.

import { rm } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { makeCertificates } from "../../certs/make-certs.ts";
import { sampleApp } from "../../lab/sample-app.ts";
import { trustRegistry } from "../../lab/trust-registry.ts";
import { builderContract } from "../helpers/builder-bench.ts";
import { runImage } from "../helpers/engine-images.ts";
import { fails } from "../helpers/failure.ts";
import { processes } from "../helpers/processes.ts";

builderContract("Builder", (bench) => {
  it("builds what the context holds, tells each step, and labels the image", async () => {
    await bench.put(await sampleApp({ message: "hello from the contract" }));
    const built = await bench.build();
    expect(await runImage(bench.lab, built.imageId)).to.equal("hello from the contract\n");
    expect((await bench.lab.docker.getImage(built.imageId).inspect()).Config.Labels).to.deep.equal({
      "dev.mergedock.test": 'a "quoted" ü',
    });
    expect(
      bench.lines.some((line) => /^#\d+ \[\d\/\d\] COPY message.txt/.test(line)),
      bench.lines.join("\n"),
    ).to.equal(true);
  });

  it("gives the same image for the same commit", async () => {
    await bench.put(await sampleApp({ message: "again" }));
    const first = await bench.build();
    await rm(join(bench.folder, "message.txt"));
    await bench.put(await sampleApp({ message: "again" }));
    expect(await bench.build()).to.deep.equal(first);
  });

  it("knows what an earlier attempt has built, and what is gone", async () => {
    await bench.put(await sampleApp({ message: "kept" }));
    const built = await bench.build();
    const later = bench.request({ request: { attempt: 2 } });
    expect(await bench.builder.has(later, built)).to.equal(true);
    expect(await bench.builder.has(later, { ...built, tag: "build-1-2" })).to.equal(false);
    expect((await bench.builder.build(later)).tag).to.equal("build-1-2");
  });

  it("pushes the image under its attempt's tag alone and returns the registry's digest", async () => {
    await bench.put(await sampleApp({ message: "pushed" }));
    const built = await bench.build();
    const digest = await bench.builder.push(bench.request(), built);
    expect(digest).to.match(/^sha256:[0-9a-f]{64}$/);
    expect(await bench.builder.push(bench.request(), built)).to.equal(digest);
    expect(await runImage(bench.lab, `${bench.lab.registry.host}/contract/shop@${digest}`, { pull: true })).to.equal(
      "pushed\n",
    );
    expect(await runImage(bench.lab, `${bench.lab.registry.host}/contract/shop:build-1`, { pull: true })).to.equal(
      "pushed\n",
    );
    const [first] = bench.request().recipe.tags;
    expect(
      await runImage(bench.lab, `${bench.lab.registry.host}/contract/shop:${first}`, { pull: true }).catch(String),
    ).to.match(/unknown|not found/);
  });

  it("fails with the user's failing step and what it printed", async () => {
    await bench.putDockerfile("RUN echo so far so good && exit 3");
    await fails(bench.build(), "build_failed", "exit code: 3");
    expect(bench.lines.join("\n")).to.contain("so far so good").and.to.contain("ERROR");
  });

  it("fails with the line of a Dockerfile that is wrong", async () => {
    await bench.put({ Dockerfile: "FROM scratch\nCOPPY a b\n" });
    await fails(bench.build(), "build_failed", "COPPY");
  });

  it("ends the step on the engine when it is stopped", async () => {
    await bench.putDockerfile("RUN sleep 3600");
    const stop = new AbortController();
    const running = bench.build({ request: { signal: stop.signal } }).catch((error: Error) => error.message);
    await untilSleepers(1, 10_000);
    stop.abort(new Error("enough"));
    await untilSleepers(0, 1_000);
    expect(await running).to.equal("enough");
  });

  it("says what to check when the push is refused or the registry is not trusted", async () => {
    await bench.put(await sampleApp({ message: "refused" }));
    const refused = bench.create({ password: "wrong" });
    await fails(
      refused.push(bench.request(), await refused.build(bench.request())),
      "unauthorized",
      "check registry.username",
    );
    const gone = bench.create({ pushHost: "127.0.0.1:1" });
    await fails(
      gone.push(bench.request(), await gone.build(bench.request())),
      "unavailable",
      "is the registry running?",
    );
    await bench.lab.docker.getImage("127.0.0.1:1/contract/shop:build-1").remove();
  });

  it("T29: refuses to push where another CA has signed, and says how the engine learns to trust", async () => {
    await bench.put(await sampleApp({ message: "untrusted" }));
    const built = await bench.build();
    const other = await makeCertificates({ folder: join(bench.folder, "other"), hosts: ["localhost"] });
    await trustRegistry({ host: bench.lab.registry.host, caFile: other.caFile });
    try {
      await fails(
        bench.builder.push(bench.request(), built),
        "forbidden",
        "let the engine trust the CA: see registry/README.md",
      );
    } finally {
      await trustRegistry(bench.lab.registry);
    }
  });

  it("says that the engine cannot be reached", async () => {
    await bench.put({ Dockerfile: "FROM scratch\n" });
    const gone = bench.create({ engineHost: "unix:///nowhere.sock" });
    await fails(
      gone.build(bench.request()),
      "unavailable",
      "the Docker engine at unix:///nowhere.sock cannot be reached",
    );
    await fails(gone.check(new AbortController().signal), "unavailable", "is it running, and may this user open it?");
  });
});

/** How many `sleep 3600` run in the tests' namespace, on the engine included. */
async function sleepers(): Promise<number> {
  return (await processes()).filter(({ command }) => command === "sleep 3600").length;
}

async function untilSleepers(count: number, msMax: number): Promise<void> {
  const deadline = performance.now() + msMax;
  while ((await sleepers()) !== count) {
    if (performance.now() > deadline)
      throw new Error(`after ${msMax} ms there are ${await sleepers()} and not ${count}`);
  }
}
