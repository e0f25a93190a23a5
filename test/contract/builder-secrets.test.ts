// What core/ports/builder.ts promises of Builder: what a step gets to see, and what it does not.

import { once } from "node:events";
import { createServer } from "node:http";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import type { Asked, BuilderBench } from "../helpers/builder-bench.ts";
import { builderContract } from "../helpers/builder-bench.ts";
import { imageBytes, runImage } from "../helpers/engine-images.ts";
import { fails } from "../helpers/failure.ts";

const value = "a secret value that is in no layer, 4711";
const read = "--mount=type=secret,id=npm_token,required=true";

function withSecret(): Asked {
  const secrets = new Map([
    ["npm_token", Buffer.from(`${value}\n`)],
    ["other", Buffer.from("of another image")],
  ]);
  return { secrets: ["npm_token"], request: { secrets } };
}

/** Those that keep this process alive. */
function openSockets(): number {
  return process.getActiveResourcesInfo().filter((kind) => kind === "PipeWrap").length;
}

/** What the steps have printed. */
function printed({ written }: BuilderBench): string {
  return written.flatMap(({ text, stream }) => (stream === undefined ? [] : [text])).join("\n");
}

builderContract("Builder and secrets", (bench) => {
  it("T23: gives a step the secret of its recipe, byte by byte, and leaves it in no layer", async () => {
    await bench.putDockerfile(`RUN ${read} cat /run/secrets/npm_token | rev > /reversed`, 'CMD ["cat", "/reversed"]');
    const { imageId } = await bench.build(withSecret());
    const reversed = [...value].toReversed().join("");
    expect(await runImage(bench.lab, imageId)).to.equal(`${reversed}\n`);
    const bytes = await imageBytes(bench.lab, imageId);
    expect(bytes.includes(reversed), "the scan finds what is in a layer").to.equal(true);
    expect(bytes.includes(value)).to.equal(false);
  });

  it("still gives it after a step that took longer than the engine waits for a sign of life", async () => {
    await bench.putDockerfile(
      `RUN sleep 2 # ${Math.random()}`,
      `RUN ${read} wc -c /run/secrets/npm_token # ${Math.random()}`,
    );
    await bench.build(withSecret());
    expect(printed(bench)).to.contain(`${value.length + 1} /run/secrets/npm_token`);
  });

  it("T23: gives no other secret, and says where to name it", async () => {
    await bench.putDockerfile(`RUN --mount=type=secret,id=other,required=true echo ${Math.random()}`);
    const error = await bench.build(withSecret()).catch((thrown) => thrown);
    expect(error).to.include({ code: "build_failed" });
    expect(error.message).to.match(/^secret other:? not found/);
    expect(error.details.failure.hint).to.equal(
      `name other in the image's "secrets", and give its file in mergedock.yml`,
    );
  });

  it("closes its session, whatever became of the build", async () => {
    const before = openSockets();
    await bench.putDockerfile("RUN false");
    await fails(bench.build(withSecret()), "build_failed", "exit code: 1");
    await fails(bench.build({ ...withSecret(), context: "nowhere" }), "invalid", "there is no folder");
    const aborted = withSecret();
    const stopped = { ...aborted.request, signal: AbortSignal.abort(new Error("enough")) };
    expect(await bench.build({ ...aborted, request: stopped }).catch((error) => error.message)).to.equal("enough");
    await bench.putDockerfile();
    await bench.build(withSecret());
    const deadline = performance.now() + 2_000;
    while (openSockets() > before && performance.now() < deadline) await setImmediate();
    expect(openSockets()).to.be.at.most(before);
  });

  it("says what to do when something in front of the engine lets no session through", async () => {
    const socketPath = join(bench.folder, "engine.sock");
    const guard = createServer((_request, response) => response.writeHead(403).end('{"message":"not for you"}'));
    await once(guard.listen(socketPath), "listening");
    try {
      await bench.put({ Dockerfile: "FROM scratch\n", ".dockerignore": "*.sock" });
      const building = bench.create({ engineHost: `unix://${socketPath}` }).build(bench.request());
      await fails(building, "unavailable", "took no session (403 not for you); what stands in front of it has to let");
    } finally {
      guard.closeAllConnections();
      await new Promise((resolve) => guard.close(resolve));
    }
  });

  it("T23: refuses arguments that look like secrets, before anything is built", async () => {
    await bench.putDockerfile("ARG NPM_TOKEN", "RUN echo $NPM_TOKEN");
    const building = bench.build({ args: { NODE_ENV: "test", NPM_TOKEN: value } });
    await fails(
      building,
      "invalid",
      'args: NPM_TOKEN would stand in the image and in the log; give it as one of "secrets"',
    );
    expect(bench.lines).to.deep.equal([]);
  });

  it("gives a step the recipe's arguments, and builds the recipe's target alone", async () => {
    await bench.putDockerfile(
      ...["ARG NODE_ENV=none", 'RUN echo "for $NODE_ENV" > /for', "FROM scratch AS base", "COPY --from=0 / /"],
      ...['FROM base AS wanted\nCMD ["cat", "/for"]', "FROM wanted\nRUN false"],
    );
    const { imageId } = await bench.build({ args: { NODE_ENV: "production" }, target: "wanted" });
    expect(await runImage(bench.lab, imageId)).to.equal("for production\n");
  });

  it("T24: lets a step see nothing of the server's environment and none of its credentials", async () => {
    await bench.putDockerfile(`RUN ${read} env && cat /proc/1/environ /proc/self/mountinfo # ${Math.random()}`);
    await bench.build(withSecret());
    const names = [...printed(bench).matchAll(/^#\d+ ([A-Z_]+)=/gm)].map((match) => match[1]);
    expect(names).to.include("PATH");
    expect(names.filter((name) => !["PATH", "HOME", "PWD", "SHLVL", "HOSTNAME"].includes(name ?? ""))).to.deep.equal(
      [],
    );
    expect(bench.lines.join("\n")).not.to.contain(bench.lab.account.password).and.not.to.contain(value);
  });

  it("T19: lets a step reach no engine's socket, and mount nothing", async () => {
    const socket = bench.lab.engine.socketPath;
    await bench.putDockerfile(
      `RUN for file in /var/run/docker.sock /run/docker.sock ${socket}; do test ! -e $file || exit 7; done`,
      "RUN mkdir /there && { mount -t tmpfs none /there || mount -t proc none /there || mount --bind / /there; } && exit 8; echo denied",
      'RUN test -z "$(find / -xdev -type s)" && grep CapEff /proc/self/status',
    );
    await bench.build();
    expect(printed(bench)).to.contain("denied");
    const capabilities = Number.parseInt(/CapEff:\s+([0-9a-f]+)/.exec(printed(bench))?.[1] ?? "", 16);
    const sysAdmin = 2 ** 21;
    expect(Math.floor(capabilities / sysAdmin) % 2, `${capabilities}`).to.equal(0);
  });

  for (const [what, step] of [
    ["the host's network", "RUN --network=host true"],
    ["privileges", "RUN --security=insecure true"],
  ] as const) {
    it(`T19: refuses a step that asks for ${what}`, async () => {
      await bench.putDockerfile(step);
      await fails(bench.build(), "build_failed", "");
    });
  }
});
