// What core/ports/builder.ts promises of Builder: what stays on the engine of a build that died, and who removes it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { type BuilderBench, builderContract } from "../helpers/builder-bench.ts";
import { engineObjects } from "../helpers/engine-objects.ts";
import { processes } from "../helpers/processes.ts";

const program = join(import.meta.dirname, "../helpers/build-and-wait.ts");
const own = { "dev.mergedock.repository": "acme/shop" };
const anHourMs = 3_600_000;

const soon = () => new Date(Date.now() + anHourMs);

builderContract("Builder and leftovers", (bench) => {
  it("leaves nothing of a build whose server was killed, and ends its step at once", async () => {
    await bench.putDockerfile(`RUN sleep 3604 # ${Math.random()}`);
    const before = await engineObjects(bench.lab.docker);
    const server = spawn(process.execPath, [program, bench.lab.engine.host, bench.folder], { stdio: "inherit" });
    await untilSleepers(1, 20_000);
    server.kill("SIGKILL");
    await once(server, "exit");
    await untilSleepers(0, 1_000);
    expect(await engineObjects(bench.lab.docker)).to.have.members(before);
  });

  it("T26: sweeps images of ours that have lost their name, and nothing else", async () => {
    const { docker } = bench.lab;
    const lost = await loseName(bench, own);
    const stranger = await loseName(bench, { "com.example.owner": "somebody" });
    const used = await loseName(bench, own);
    const container = await docker.createContainer({ Image: used, Cmd: ["true"] });
    const named = await bench.build({ labels: own });
    try {
      expect(await bench.builder.sweep(new Date(Date.now() - anHourMs)), "younger than any build").to.equal(0);
      expect(await bench.builder.sweep(soon())).to.equal(1);
      const left = await unnamed(bench);
      expect(left).to.include.members([stranger, used]).and.not.to.include(lost);
      expect(await bench.builder.has(bench.request(), named)).to.equal(true);
      expect((await container.inspect()).Image).to.equal(used);
    } finally {
      await container.remove({ force: true });
    }
    expect(await bench.builder.sweep(soon())).to.equal(1);
    expect(await unnamed(bench)).to.deep.equal([stranger]);
  });
});

/** An image whose name another one gets. */
async function loseName(bench: BuilderBench, labels: Readonly<Record<string, string>>): Promise<string> {
  await bench.putDockerfile(`RUN echo ${Math.random()}`);
  const { imageId } = await bench.build({ labels });
  await bench.putDockerfile(`RUN echo ${Math.random()}`);
  const { imageId: next } = await bench.build({ labels: {} });
  await bench.lab.docker.getImage(next).remove({ force: true });
  return imageId;
}

async function unnamed({ lab }: BuilderBench): Promise<string[]> {
  const images = await lab.docker.listImages({ filters: { dangling: ["true"] } });
  return images.map(({ Id }) => Id);
}

async function untilSleepers(count: number, msMax: number): Promise<void> {
  const deadline = performance.now() + msMax;
  const sleepers = async () => (await processes()).filter(({ command }) => command.startsWith("sleep 3604")).length;
  while ((await sleepers()) !== count)
    if (performance.now() > deadline)
      throw new Error(`after ${msMax} ms there are ${await sleepers()} and not ${count}`);
}
