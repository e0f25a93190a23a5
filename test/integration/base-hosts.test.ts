// T20: a Dockerfile does not make the engine, or the server, speak to a host that nobody has named.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { pushBase } from "../helpers/base-image.ts";
import { removeImages } from "../helpers/engine-images.ts";
import { useLab } from "../helpers/lab.ts";
import { type FinishedBuild, Tester, type TesterOptions } from "../helpers/tester.ts";

describe("a Dockerfile that names a host of the machine", function () {
  this.timeout(60_000);
  let listener: Server;
  let host: string;
  let hits: number;
  before(() => useLab());
  beforeEach(async () => {
    hits = 0;
    listener = createServer((_request, response) => response.writeHead(404).end());
    listener.on("connection", () => {
      hits += 1;
    });
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    host = `127.0.0.1:${(listener.address() as AddressInfo).port}`; // it listens on a port
  });
  afterEach(async () => {
    listener.closeAllConnections();
    listener.close();
    await removeImages(await useLab());
  });

  async function build(Dockerfile: string, options: TesterOptions = {}): Promise<FinishedBuild> {
    const [build] = await buildAll([Dockerfile], options);
    return build;
  }

  /** One after the other, by one server. */
  async function buildAll<T extends readonly string[]>(
    dockerfiles: readonly [...T],
    options: TesterOptions = {},
  ): Promise<{ [K in keyof T]: FinishedBuild }> {
    const ci = await Tester.start({ limits: { attempts_max: 1, trouble_seconds_max: 0 }, ...options });
    const builds: FinishedBuild[] = [];
    try {
      for (const Dockerfile of dockerfiles)
        builds.push(await ci.finished((await ci.merge({ files: { Dockerfile } })).verdict.build));
      return builds as { [K in keyof T]: FinishedBuild }; // one for each
    } finally {
      await ci.stop();
    }
  }

  for (const [what, line] of [
    ["FROM", (at: string) => `FROM ${at}/x`],
    ["COPY --from", (at: string) => `FROM scratch\nCOPY --from=${at}/x / /`],
    ["# syntax", (at: string) => `# syntax=${at}/x\nFROM scratch`],
    ["ADD", (at: string) => `FROM scratch\nADD http://${at}/x /`],
  ] as const) {
    it(`T20: in ${what} fails at once, names the line, and is not spoken to`, async () => {
      const ended = await build(`${line(host)}\n`);
      expect(ended).to.include({ result: "failure" });
      expect(ended.failure?.message)
        .to.match(/^Dockerfile line [12]: /)
        .and.contain("is refused");
      expect(ended.failure?.message).to.match(/mergedock\.yml|engine\.base_registries/);
      expect(hits).to.equal(0);
    });
  }

  it("T20: in what its base image brings along fails before anything is built, and is not spoken to", async () => {
    const lab = await useLab();
    const base = `${lab.registry.host}/hosts/brings:1`;
    await pushBase(lab, base, "x", ["COPY . /app", `ADD http://${host}/x /`]);
    const [ended, copying] = await buildAll([
      `FROM scratch AS first\nFROM ${base}\n`,
      `FROM scratch\nCOPY --from=${base} /base.txt /\n`,
    ]);
    expect(ended, ended.log).to.include({ result: "failure" });
    const why = `ADD http://${host}/x is refused: 127.0.0.1 is not a public name`;
    expect(ended.failure?.message).to.contain(
      `Dockerfile line 2: ${base} brings along for every image that is FROM it (ONBUILD): ${why}; take a base image without`,
    );
    expect(ended.failure).to.include({ kind: "base_image", service: "shop" });
    expect([hits, ended.stages.at(-1)?.name]).to.deep.equal([0, "build"]);
    // Whoever copies from it does not do what it says.
    expect([copying.result, hits], copying.log).to.deep.equal(["success", 0]);
  });

  it("is spoken to where the operator has named it, by the engine or by us", async () => {
    const engine = { base_registries: [host], add_hosts: ["127.0.0.1"] };
    expect((await build(`FROM scratch\nADD http://${host}/x /\n`, { file: { engine } })).result).to.equal("failure");
    expect(hits).to.be.greaterThan(0);
    hits = 0;
    await build(`FROM ${host}/x\n`, { file: { engine } });
    expect(hits).to.be.greaterThan(0);
  });

  it("is named for one repository alone, where it says so itself", async () => {
    const engine = { base_registries: [], add_hosts: [] };
    const rules = { add_hosts: [host] };
    await build(`FROM scratch\nADD http://${host}/x /\n`, { file: { engine }, rules });
    expect(hits).to.be.greaterThan(0);
  });
});
