// What core/ports/builder.ts promises of Builder: what stays on the engine of a build that died, and who removes it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { pack } from "tar-fs";
import { sampleApp } from "../../lab/sample-app.ts";
import { type BuilderBench, builderContract } from "../helpers/builder-bench.ts";
import { engineObjects } from "../helpers/engine-objects.ts";
import { processes } from "../helpers/processes.ts";

const program = join(import.meta.dirname, "../helpers/build-and-wait.ts");
const ownLabel = "dev.mergedock.repository";
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
    const lost = await makeUnnamed(bench, ownLabel);
    const stranger = await makeUnnamed(bench, "com.example.repository");
    const used = await makeUnnamed(bench, ownLabel);
    const container = await docker.createContainer({ Image: used, Cmd: ["true"] });
    await bench.put(await sampleApp({ message: "named" }));
    const named = await bench.build({ labels: { [ownLabel]: "acme/shop" } });
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

/** An image without a name, as one is left whose name another one got. */
async function makeUnnamed({ lab, folder }: BuilderBench, label: string): Promise<string> {
  await writeFile(join(folder, "content"), String(Math.random()));
  const archive = pack(folder, { entries: ["content"] }).pipe(new PassThrough());
  const answer: unknown = await lab.docker.importImage(archive, { changes: `LABEL ${label}=acme/shop` });
  return JSON.parse(await text(answer as NodeJS.ReadableStream)).status; // its types know the callback alone
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
